import { Worker } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { register, save } from '../contracts/store/harness.js';
import { onTeardown } from '../support/teardown.js';
import { openStore } from './directory.js';

type Replies = readonly { readonly id: number }[];

/** The replies of threads from now on: those of one commit are one message. */
function recordReplies(): Replies[] {
  const messages: Replies[] = [];
  const { emit } = Worker.prototype;
  Worker.prototype.emit = function (event: string | symbol, ...args: unknown[]) {
    if (event === 'message') messages.push(args[0] as Replies);
    return emit.call(this, event, ...args);
  };
  onTeardown(() => {
    Worker.prototype.emit = emit;
  });
  return messages;
}

const countOf = (replies: Replies | undefined): number => replies?.length ?? 0;
const batchesOf = (file: number, count: number) => Array.from({ length: count }, (_, n) => `${n} of ${file}`);

test('requests of different calls that take long are answered in several commits, in order', async () => {
  const CALLS = 40;
  const store = await openStore();
  const messages = recordReplies();
  const calls = Array.from({ length: CALLS }, (_, file) =>
    register(store, { fileId: `f${file}`, batches: batchesOf(file, 1_000) }),
  );
  const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(Array.from({ length: CALLS }, () => 'created'));
  const ids = messages.flat().map(({ id }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(ids).toHaveLength(CALLS);
  expect(Math.max(...messages.map(countOf))).toBeLessThan(CALLS / 2);
});

test('small requests share a commit', async () => {
  const store = await openStore();
  await register(store, { fileId: 'f', batches: batchesOf(0, 64) });
  const messages = recordReplies();
  await Promise.all(batchesOf(0, 64).map((batchId) => save(store, { batchId, emails: ['a'] })));
  expect(messages.flat()).toHaveLength(64);
  expect(Math.max(...messages.map(countOf))).toBeGreaterThan(1);
});
