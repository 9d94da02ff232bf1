/** The entry point of a thread that reads one list: it asks the main thread for the bytes, and sends it what it reads. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ByteSource } from '../byte-source.js';
import { type JobInput, perform } from '../jobs.js';
import { type FromThread, readingErrorOf, SourceFailed, type ThreadTask, type ToThread } from './messages.js';

/** Items that are on the way at most: enough that neither thread waits for the other each time. */
const ITEMS_AHEAD = 4;

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');
const send = (message: FromThread): void => port.postMessage(message);

const readings = new Map<number, (answer: Uint8Array | null | SourceFailed) => void>();
let room = ITEMS_AHEAD;
let onRoom: () => void = () => undefined;

port.on('message', (message: ToThread) => {
  if (message.type === 'more') {
    room++;
    onRoom();
  } else readings.get(message.reading)?.(message.type === 'bytes' ? message.bytes : new SourceFailed());
});

let opened = 0;

/** The bytes of the list, which the main thread has. */
const sourceOf = (size: number): ByteSource => ({
  size,
  async *read(from = 0) {
    const reading = opened++;
    send({ type: 'open', reading, from });
    try {
      for (;;) {
        const answer = new Promise<Uint8Array | null | SourceFailed>((resolve) =>
          readings.set(reading, resolve),
        );
        send({ type: 'next', reading });
        const bytes = await answer;
        if (bytes instanceof SourceFailed) throw bytes;
        if (bytes === null) return;
        yield bytes;
      }
    } finally {
      readings.delete(reading);
      send({ type: 'close', reading });
    }
  },
});

const { job, input, size, limits } = workerData as ThreadTask;
try {
  for await (const item of perform(job, sourceOf(size), limits, input as JobInput<typeof job>)) {
    while (room === 0)
      await new Promise<void>((resolve) => {
        onRoom = resolve;
      });
    room--;
    send({ type: 'item', item });
  }
  send({ type: 'end', error: null });
} catch (error) {
  send({ type: 'end', error: readingErrorOf(error) });
}
port.close();
