/** Checks of reads that begin right after an update was answered: at any gateway they show it. */
import { expect } from '@jest/globals';
import { io } from 'socket.io-client';
import { onTeardown } from './teardown.js';
import { addresses, entry, updateMessage } from './updates.js';

interface Read {
  readonly stats: { epoch: string; revision: number; progress: { processed: number } };
  readonly emails: { emails: { batchId: string; position: number }[]; pagination: { total: number } };
}

const get = async <T>(url: string, path: string): Promise<T> =>
  (await (await fetch(`${url}/api${path}`)).json()) as T;

async function post(url: string, path: string, body: unknown): Promise<number> {
  const answer = await fetch(`${url}/api${path}`, { method: 'POST', body: JSON.stringify(body) });
  await answer.arrayBuffer();
  return answer.status;
}

/** Sends update after update to the first gateway, and reads each at all of them as soon as it is answered. */
export async function expectReadsToShowUpdates(urls: readonly string[], rounds: number): Promise<void> {
  const [first = ''] = urls;
  await post(first, '/files/f/batches', { batches: [{ batchId: 'b1' }, { batchId: 'b2' }] });
  for (let count = 1; count <= rounds; count++) {
    const emails = addresses(count).map((address) => entry(address, { status: 'risky' }));
    const update = updateMessage({ batchId: `b${1 + (count % 2)}`, emails });
    expect(await post(first, '/updates', update)).toBe(202);
    const expected = count + (count - 1);
    for (const url of [...urls].reverse()) {
      const [stats, page, snapshot, list, answer] = await Promise.all([
        get<Read['stats']>(url, '/files/f/stats'),
        get<Read['emails']>(url, '/files/f/emails?status=risky'),
        get<Read>(url, '/files/f'),
        get<{ items: Read['stats'][] }>(url, '/files'),
        subscribed(url),
      ]);
      const processed = [stats, snapshot.stats, list.items[0], answer.stats].map(
        (some) => some?.progress.processed,
      );
      const totals = [page, snapshot.emails, answer.emails].map(({ pagination }) => pagination.total);
      expect({ count, processed, totals }).toEqual({
        count,
        processed: Array(4).fill(expected),
        totals: Array(3).fill(expected),
      });
    }
  }
}

async function subscribed(url: string): Promise<Read> {
  const socket = io(url, { transports: ['websocket'], forceNew: true });
  try {
    return (await socket.timeout(10_000).emitWithAck('subscribe', { fileId: 'f' })) as Read;
  } finally {
    socket.close();
  }
}

/** Reads this many snapshots while updates keep coming: the page of each is of the revision of its stats. */
export async function expectSnapshotsOfOneRevision(
  urls: readonly string[],
  snapshots: number,
): Promise<void> {
  const [first = ''] = urls;
  await post(first, '/files/s/batches', { batches: [{ batchId: 's1' }, { batchId: 's2' }] });
  let isDone = false;
  onTeardown(() => {
    isDone = true;
  });
  const sending = (async () => {
    for (let count = 1; !isDone; count++)
      for (const batchId of ['s1', 's2'])
        await post(first, '/updates', updateMessage({ batchId, emails: addresses(count) }));
  })();
  const byRevision = new Map<string, string>();
  for (let read = 0; read < snapshots; read += urls.length) {
    for (const url of urls) {
      const { stats, emails } = await get<Read>(url, '/files/s');
      const { epoch, revision, progress } = stats;
      expect({ revision, total: emails.pagination.total }).toEqual({ revision, total: progress.processed });
      expect(emails.emails).toHaveLength(Math.min(50, progress.processed));
      // Everyone who reads a revision reads the same page.
      const text = JSON.stringify(emails);
      const at = `${epoch}/${revision}`;
      expect(byRevision.get(at) ?? text).toBe(text);
      byRevision.set(at, text);
    }
  }
  isDone = true;
  await sending;
  expect(byRevision.size).toBeGreaterThan(1);
}
