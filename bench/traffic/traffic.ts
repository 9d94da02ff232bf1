import { setTimeout as sleep } from 'node:timers/promises';
import { interleaved } from '../distributed/publisher.js';
import { Listener } from '../load/listener.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { paced } from '../support/pace.js';

const FILE = 'traffic';
const ADDRESSES = 10_000;
const STEP = 5;
const UPDATES_PER_SECOND = 250;
const AFTERMATH_MS = 500;

/** Benchmark: how many bytes does a listener of a whole file get, compared with sending the whole list each time? */
export async function traffic(): Promise<Figure[]> {
  const { directory, remove } = emptyDataset();
  const gateway = await GatewayProcess.start({ directory });
  try {
    return await measured(gateway);
  } finally {
    await gateway.stop();
    remove();
  }
}

async function measured(gateway: GatewayProcess): Promise<Figure[]> {
  const batches = Array.from({ length: Math.ceil(ADDRESSES / BATCH) }, (_, index) => `${FILE}-${index}`);
  const total = batches.length * BATCH;
  const list = { batches: batches.map((batchId) => ({ batchId, totalEmails: BATCH })) };
  await gateway.post(`/api/files/${FILE}/batches`, JSON.stringify(list));
  const listener = await Listener.connect(gateway.url, FILE);
  const before = { bytes: listener.bytes, frames: listener.frames };

  const messages = interleaved(batches, STEP);
  await paced(messages.length, UPDATES_PER_SECOND, (index) =>
    gateway.post('/api/updates', messages[index]?.text ?? ''),
  );
  await gateway.completed(FILE);
  await sleep(AFTERMATH_MS);
  const bytes = listener.bytes - before.bytes;
  const frames = listener.frames - before.frames;
  listener.end();

  const { bytes: listBytes } = await gateway.download(`/api/files/${FILE}/export?format=ndjson`);
  // Every update adds the same number of results, so the average list is half as long as the last.
  const listsBytes = (listBytes * (messages.length + 1)) / 2;
  const what = `a file of ${total.toLocaleString('en')} addresses in ${messages.length.toLocaleString('en')} updates`;
  return [
    {
      what: `${what}: bytes to a listener ÷ the whole list at every update`,
      unit: '%',
      values: [(100 * bytes) / listsBytes],
      goal: { atMost: 5 },
    },
    { what: 'the same ÷ the whole list, once', unit: '×', values: [bytes / listBytes] },
    { what: 'bytes to a listener', unit: 'MB', values: [bytes / 1e6] },
    { what: 'messages to a listener', unit: '', values: [frames] },
    { what: 'the whole list, as NDJSON', unit: 'MB', values: [listBytes / 1e6] },
  ];
}
