import { describe, expect, test } from '@jest/globals';
import { CircuitBreaker, CircuitOpen } from '../../src/validator/circuit-breaker.js';

const DOWN = new Error('down');
const ANSWERED = new Error('an answer that is an error');
const NEITHER = new Error('given up');

/** A breaker on a clock of the test's own. */
function stage(failures = 3, pauseMs = 10_000) {
  const clock = { now: 0 };
  const changes: string[] = [];
  const breaker = new CircuitBreaker({
    failures,
    pauseMs,
    now: () => clock.now,
    onChange: (state) => void changes.push(state),
  });
  let calls = 0;
  const run = (call: () => Promise<unknown>) =>
    breaker
      .run(
        () => {
          calls++;
          return call();
        },
        (error) => (error === NEITHER ? null : error === DOWN),
      )
      .catch((error: unknown) => error);
  const fail = (error: Error = DOWN) => run(() => Promise.reject(error));
  const succeed = () => run(() => Promise.resolve('ok'));
  return { clock, changes, run, fail, succeed, calls: () => calls };
}

function deferred() {
  const handles = {} as { resolve: (value: unknown) => void; reject: (error: Error) => void };
  const promise = new Promise((resolve, reject) => Object.assign(handles, { resolve, reject }));
  return { promise, ...handles };
}

describe('a circuit', () => {
  test('opens after so many failures in a row, and lets nothing pass then', async () => {
    const { clock, changes, fail, succeed, calls } = stage();
    for (let i = 0; i < 3; i++) expect(await fail()).toBe(DOWN);
    clock.now = 4_000;
    const refused = await succeed();
    expect(refused).toBeInstanceOf(CircuitOpen);
    expect((refused as CircuitOpen).retryAfterMs).toBe(6_000);
    expect([calls(), changes]).toEqual([3, ['open']]);
  });

  test('stays closed while there is an answer in between, be it an error', async () => {
    const { changes, fail, succeed } = stage();
    for (let i = 0; i < 10; i++) {
      await fail();
      await fail();
      expect(await (i % 2 ? succeed() : fail(ANSWERED))).toBe(i % 2 ? 'ok' : ANSWERED);
    }
    expect(changes).toEqual([]);
  });

  test('does not count what says nothing of the other side', async () => {
    const { changes, fail } = stage();
    for (let i = 0; i < 10; i++) await fail(NEITHER);
    await fail();
    await fail(NEITHER);
    await fail();
    expect(changes).toEqual([]);
    await fail();
    expect(changes).toEqual(['open']);
  });

  test('lets one probe pass after the pause, and closes when it is answered', async () => {
    const { clock, changes, run, fail, succeed, calls } = stage();
    for (let i = 0; i < 3; i++) await fail();
    clock.now = 10_000;
    const pending = deferred();
    const probe = run(() => pending.promise);
    expect(await succeed()).toBeInstanceOf(CircuitOpen);
    pending.resolve('ok');
    expect(await probe).toBe('ok');
    expect(await succeed()).toBe('ok');
    expect([calls(), changes]).toEqual([5, ['open', 'closed']]);
  });

  test('opens again when the probe fails, and at once', async () => {
    const { clock, changes, fail, succeed } = stage();
    for (let i = 0; i < 3; i++) await fail();
    clock.now = 10_000;
    expect(await fail()).toBe(DOWN);
    clock.now = 19_999;
    expect(await succeed()).toBeInstanceOf(CircuitOpen);
    clock.now = 20_000;
    expect(await succeed()).toBe('ok');
    expect(changes).toEqual(['open', 'closed']);
  });

  test('is probed again where the probe was given up', async () => {
    const { clock, fail, succeed } = stage();
    for (let i = 0; i < 3; i++) await fail();
    clock.now = 10_000;
    expect(await fail(NEITHER)).toBe(NEITHER);
    expect(await succeed()).toBe('ok');
  });

  test('is not held open by calls from before it opened', async () => {
    const { clock, run, fail, succeed } = stage();
    const pending = deferred();
    const late = run(() => pending.promise);
    for (let i = 0; i < 3; i++) await fail();
    clock.now = 9_000;
    pending.reject(DOWN);
    await late;
    clock.now = 10_000;
    expect(await succeed()).toBe('ok');
  });
});
