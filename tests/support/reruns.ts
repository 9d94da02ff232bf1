/** Recorded ways in which workers run a batch again. */
import { type Message, message } from './producer.js';
import { plainResults } from './results.js';

const RESULTS = plainResults('a', 20);
const run = (count: number, isComplete = false): Message =>
  message('b', RESULTS.slice(0, count), { total: 20, isComplete });
/** The same addresses without the one in the middle: all after it have another position. */
const HOLED = [...RESULTS.slice(0, 9), ...RESULTS.slice(10)];
const holed = (count: number, isComplete = false): Message =>
  message('b', HOLED.slice(0, count), { total: 20, isComplete });

/** The messages of a batch `b` in order, for each way. */
export const reruns: Readonly<Record<string, readonly Message[]>> = {
  'killed in the middle and run again': [run(10), run(5), run(10), run(15), run(20), run(20, true)],
  'complete, then its second run': [run(20, true), run(5), run(20), holed(18, true), run(20, true)],
  'of two runs interleaved': [run(5), run(5), run(10), holed(15), run(10), run(20, true), holed(19, true)],
  'that got shorter': [run(15), message('b', HOLED.slice(2, 8), { total: 20, isComplete: true })],
  'with a hole in the middle': [run(15), holed(15), holed(19), holed(19, true)],
  'of which updates were left out': [run(5), run(15), run(20, true)],
};
