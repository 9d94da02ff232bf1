import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createLogger } from '../../src/logger.js';
import { watchStalls } from '../../src/pipeline/background-jobs.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Pipeline, type PipelineDeps } from '../../src/pipeline/pipeline.js';
import type { Silence } from '../../src/store/store.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A pipeline that only records when it has to mark stalled batches. */
function watched(answer: () => Promise<void> = async () => undefined) {
  const looks: { at: number; silence: Silence }[] = [];
  const pipeline = {
    markStalled(silence: Silence) {
      looks.push({ at: Date.now(), silence });
      return answer();
    },
  } as unknown as Pipeline;
  const stop = watchStalls({ pipeline, logger: createLogger('silent') }, { begunMs: 1_000, queuedMs: 8_000 });
  return { looks, stop };
}

it('looks often enough that no silence goes unseen for long', async () => {
  const { looks, stop } = watched();
  await jest.advanceTimersByTimeAsync(2_000);
  expect(looks.length).toBeGreaterThanOrEqual(4);
  for (const { at, silence } of looks) {
    expect(silence).toEqual({ begunBefore: at - 1_000, queuedBefore: at - 8_000 });
  }
  stop();
  const { length } = looks;
  await jest.advanceTimersByTimeAsync(10_000);
  expect(looks).toHaveLength(length);
  expect(jest.getTimerCount()).toBe(0);
});

it('goes on when a look has failed', async () => {
  const { looks, stop } = watched(async () => {
    throw new Error('no store');
  });
  await jest.advanceTimersByTimeAsync(2_000);
  expect(looks.length).toBeGreaterThanOrEqual(4);
  stop();
});

it('does not look again while a look takes its time', async () => {
  let finish = (): void => undefined;
  const { looks, stop } = watched(
    () =>
      new Promise((resolve) => {
        finish = resolve;
      }),
  );
  await jest.advanceTimersByTimeAsync(5_000);
  expect(looks).toHaveLength(1);
  finish();
  await jest.advanceTimersByTimeAsync(500);
  expect(looks).toHaveLength(2);
  stop();
});

it('announces a stall even if its look-up never ends', async () => {
  const announced: (readonly string[] | null)[] = [];
  const pipeline = new Pipeline({
    gate: new ChangeGate(),
    store: { updates: { markStalled: async () => [{ fileId: 'f1', batchIds: ['b1', 'b2'] }] } },
    flusher: { expectChange: () => (changed: readonly string[] | null) => void announced.push(changed) },
  } as unknown as PipelineDeps);
  const lookedUp: (readonly string[])[] = [];
  const stop = watchStalls(
    { pipeline, logger: createLogger('silent') },
    {
      begunMs: 40_000,
      queuedMs: 40_000,
      lookUp: (batchIds) => {
        lookedUp.push(batchIds);
        return new Promise(() => undefined);
      },
    },
  );
  await jest.advanceTimersByTimeAsync(10_000);
  expect(lookedUp).toEqual([['b1', 'b2']]);
  expect(announced).toEqual([]);
  await jest.advanceTimersByTimeAsync(6_000);
  expect(announced).toEqual([['b1', 'b2']]);
  stop();
});
