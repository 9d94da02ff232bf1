import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { type GatewayProcess, spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { message, Producer } from '../support/producer.js';
import { addresses, entry } from '../support/updates.js';

/** Far less than the events of all these files: each file of 9,000 results has 3.3 MB of them. */
const HEAP_MB = 384;
const FILES = effort(6, 500);
const BATCHES = 9;
const RESULTS = addresses(1_000).map((email) => entry(email));
const SMALL_FILES = effort(300, 100_000);
const AT_ONCE = 8;

async function residentBytes({ url }: GatewayProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
}

/** Calls `task` with 0 … count - 1, several at a time. */
async function forEach(count: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

test(`${FILES} files of ${BATCHES * RESULTS.length} results and ${SMALL_FILES} small ones need ${HEAP_MB} MB of heap`, async () => {
  const gateway = await spawnGateway({
    NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
  });
  const producer = new Producer(gateway.url);
  const listener = await new StrictListener('f0').join(gateway.url);
  await forEach(FILES, async (file) => {
    for (let batch = 0; batch < BATCHES; batch++) {
      await producer.update(message(`f${file} b${batch}`, RESULTS, { isComplete: true, fileId: `f${file}` }));
    }
  });
  await forEach(SMALL_FILES, (file) =>
    producer.update(message(`s${file}`, RESULTS.slice(0, 1), { isComplete: true, fileId: `s${file}` })),
  );
  // What docs/operations.md says of a gateway without sockets, garbage included.
  expect((await residentBytes(gateway)) / 2 ** 20).toBeLessThan(120 + 64 + 32 + 64 + HEAP_MB);
  // The listener of the oldest file has its results, and a file without a head is answered all the same.
  await listener.until(() => listener.has(`f0 b${BATCHES - 1}`, RESULTS.length - 1));
  expect(listener.faults).toEqual([]);
  const stats = await fetch(`${gateway.url}/api/files/f1/stats`);
  expect(await stats.json()).toMatchObject({ progress: { processed: BATCHES * RESULTS.length } });
  expect(gateway.child.exitCode).toBeNull();
}, 3_600_000);
