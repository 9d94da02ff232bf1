/** Random scenarios for the oracle tests: files, batches, runs of workers, and what is lost or reordered on the way. */
import fc, { type Arbitrary } from 'fast-check';
import { type Message, message } from './producer.js';
import { hostileResult, mixed } from './results.js';

/** A worker's run of a batch: a growing list, which may have holes and may not be completed. */
export interface Run {
  readonly step: number;
  readonly holes: readonly number[];
  /** Runs of different flavours have different verdicts on some addresses. */
  readonly flavour: number;
  readonly end: 'complete' | 'dies' | 'fails' | 'fails without a list';
}

export interface BatchPlan {
  readonly size: number;
  readonly isSizeKnown: boolean;
  readonly runs: readonly Run[];
  /** Whether the messages are sent one after the other, or in parallel. */
  readonly inTurn: boolean;
  readonly order: 'as it was' | 'reversed' | 'shuffled';
}

export interface RequestPlan {
  readonly batches: readonly BatchPlan[];
  readonly declaresTotal: boolean;
  readonly declaresBatches: boolean;
}

export interface FilePlan {
  /** Before the first message, among the messages, or by the messages themselves. */
  readonly registration: 'before' | 'in the middle' | 'by its messages';
  /** A later request replaces the earlier one. */
  readonly requests: readonly RequestPlan[];
}

export interface Scenario {
  readonly files: readonly FilePlan[];
  readonly seed: number;
  readonly atOnce: number;
  /** Every n-th message is lost, every n-th is sent twice; 0: none. */
  readonly loses: number;
  readonly repeats: number;
}

/** Plain objects, so that a failure report is readable. */
const record = <T>(parts: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<T> =>
  fc.record<T>(parts, { noNullPrototype: true });

const run = record<Run>({
  step: fc.integer({ min: 1, max: 6 }),
  holes: fc.array(fc.nat(13), { maxLength: 6 }),
  flavour: fc.nat(2),
  end: fc.constantFrom('complete', 'complete', 'complete', 'dies', 'dies', 'fails', 'fails without a list'),
});

const batch = record<BatchPlan>({
  size: fc.nat(14),
  isSizeKnown: fc.boolean(),
  runs: fc.array(run, { minLength: 1, maxLength: 3 }),
  inTurn: fc.boolean(),
  order: fc.constantFrom('as it was', 'reversed', 'shuffled'),
});

const request = record<RequestPlan>({
  batches: fc.array(batch, { minLength: 1, maxLength: 4 }),
  declaresTotal: fc.boolean(),
  declaresBatches: fc.boolean(),
});

const file = record<FilePlan>({
  registration: fc.constantFrom('before', 'in the middle', 'by its messages'),
  requests: fc.array(request, { minLength: 1, maxLength: 2 }),
});

export const scenarios: Arbitrary<Scenario> = record<Scenario>({
  files: fc.array(file, { minLength: 1, maxLength: 3 }),
  seed: fc.integer({ min: 0 }),
  atOnce: fc.integer({ min: 1, max: 12 }),
  loses: fc.constantFrom(0, 0, 3, 6),
  repeats: fc.constantFrom(0, 0, 2, 5),
});

/** The messages of a batch in the order in which they are sent, after losses, repeats and reordering. */
export function messagesOf(
  batchId: string,
  { size, runs, order }: BatchPlan,
  { seed, loses, repeats }: Pick<Scenario, 'seed' | 'loses' | 'repeats'>,
): Message[] {
  const all = runs.flatMap((one) => messagesOfRun(batchId, size, one));
  const kept = all.filter((_, index) => loses === 0 || mixed(seed, index, 1) % loses !== 0);
  const sent = kept.flatMap((one, index) =>
    repeats !== 0 && mixed(seed, index, 2) % repeats === 0 ? [one, one] : [one],
  );
  if (order === 'reversed') return sent.reverse();
  return order === 'shuffled' ? shuffled(sent, mixed(seed, 3)) : interleaved(sent, runs.length, seed);
}

function messagesOfRun(batchId: string, size: number, { step, holes, flavour, end }: Run): Message[] {
  const numbers = Array.from({ length: size }, (_, number) => number).filter((n) => !holes.includes(n));
  const results = numbers.map((number) => hostileResult(number, flavour));
  const messages: Message[] = [];
  for (let upTo = step; upTo < results.length; upTo += step)
    messages.push(message(batchId, results, { upTo, total: size }));
  if (end === 'complete') messages.push(message(batchId, results, { total: size, isComplete: true }));
  if (end === 'fails')
    messages.push(message(batchId, results, { total: size, failed: true, error: 'no worker' }));
  if (end === 'fails without a list') messages.push({ batchId, failed: true, error: 'no worker' });
  return messages;
}

/** Two workers at one batch: their messages alternate, each worker's in its own order. */
function interleaved(messages: readonly Message[], runs: number, seed: number): Message[] {
  const keys = messages.map((one, index) => ({ one, key: index + (mixed(seed, index, 4) % (runs * 3)) }));
  return keys.sort((a, b) => a.key - b.key).map(({ one }) => one);
}

export function shuffled<T>(items: readonly T[], seed: number): T[] {
  return items
    .map((item, index) => ({ item, key: mixed(seed, index) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
