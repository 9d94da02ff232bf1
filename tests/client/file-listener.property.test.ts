import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { FakeGateway } from './fake-gateway.js';
import { placesOf, Recorder } from './recorder.js';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

type Step =
  | { do: 'change'; batch: string; emails: string[] }
  | { do: 'lose' | 'repeat' | 'swap'; at: number }
  | { do: 'wait'; ms: number }
  | {
      do: 'stats' | 'answer' | 'deliver' | 'reconnect' | 'new epoch' | 'delete' | 'forget history' | 'refuse';
    };

const emails = fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('change'), batch: fc.constantFrom('a', 'b'), emails }),
  },
  { weight: 8, arbitrary: fc.constant({ do: 'deliver' }) },
  { weight: 3, arbitrary: fc.constant({ do: 'answer' }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('lose', 'repeat', 'swap'), at: fc.nat({ max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(100, 1000, 20_000) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('stats', 'reconnect', 'new epoch', 'delete', 'forget history', 'refuse'),
    }),
  },
) as fc.Arbitrary<Step>;

/** Any wire: messages (events and answers alike) are lost, doubled, overtaken by their neighbours. */
function take(gateway: FakeGateway, step: Step): void {
  switch (step.do) {
    case 'change':
      gateway.change(step.batch, step.emails);
      break;
    case 'stats':
      gateway.changeStatsOnly();
      break;
    case 'lose':
      gateway.wire.splice(step.at, 1);
      break;
    case 'repeat': {
      const message = gateway.wire[step.at];
      if (message) gateway.wire.push(message);
      break;
    }
    case 'swap':
      gateway.wire.splice(step.at, 2, ...gateway.wire.slice(step.at, step.at + 2).reverse());
      break;
    case 'wait':
      jest.advanceTimersByTime(step.ms);
      break;
    case 'answer':
      gateway.answer();
      break;
    case 'refuse':
      gateway.answer({ ok: false, error: { code: 'unavailable', message: '', retryable: true } });
      break;
    case 'deliver':
      gateway.deliver();
      break;
    case 'reconnect':
      gateway.drop();
      gateway.connect();
      break;
    case 'new epoch':
      gateway.startNewEpoch();
      break;
    case 'delete':
      gateway.deleteFile();
      break;
    case 'forget history':
      gateway.forgetHistory();
      break;
  }
}

/** From here on the wire is good; timers that are waited for run out. */
function calmDown(gateway: FakeGateway, recorder: Recorder): void {
  for (let round = 0; round < 20; round += 1) {
    gateway.settle();
    if (recorder.listener.state.state === 'live') return;
    jest.advanceTimersByTime(60_000);
  }
}

it('whatever the wire does, one more change or connection makes the listener equal to the server', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, endsWithChange) => {
      const gateway = new FakeGateway();
      gateway.connected = true;
      const recorder = new Recorder(gateway);
      try {
        for (const one of steps) take(gateway, one);
        calmDown(gateway, recorder);
        take(gateway, endsWithChange ? { do: 'change', batch: 'c', emails: ['last'] } : { do: 'reconnect' });
        calmDown(gateway, recorder);

        expect(recorder.listener.state.state).toBe('live');
        expect(recorder.places).toEqual(placesOf(gateway));
        expect(recorder.copy.size).toBe(gateway.results().length);
        expect(recorder.stats).toEqual(gateway.stats());
        expect(recorder.outOfOrder).toEqual([]);
      } finally {
        recorder.listener.close();
        jest.clearAllTimers();
      }
    }),
    { numRuns: 2000 },
  );
});

it('on a good wire every change is handed over once, and nothing is asked for twice', () => {
  const good = step.filter(({ do: what }) => ['change', 'stats', 'answer', 'deliver'].includes(what));
  fc.assert(
    fc.property(fc.array(good, { maxLength: 40 }), (steps) => {
      const gateway = new FakeGateway();
      gateway.connected = true;
      const recorder = new Recorder(gateway);
      let asked = gateway.requests.length;
      const emit = gateway.emit.bind(gateway);
      gateway.emit = (...args) => {
        asked += 1;
        emit(...args);
      };
      for (const one of steps) take(gateway, one);
      calmDown(gateway, recorder);
      expect(asked).toBe(1);
      expect(recorder.places).toEqual(placesOf(gateway));
      expect(new Set(recorder.calls).size).toBe(recorder.calls.length);
      recorder.listener.close();
    }),
    { numRuns: 500 },
  );
});
