/**
 * A listener that keeps a copy of a file, through reconnects, repeated batches and lists that got shorter, until the file
 * is over; then it prints the copy, a result a line.
 *
 *     node dist/examples/listener.js FILE_ID
 *
 * VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none).
 */
import { io } from 'socket.io-client';
import { type EmailsPage, FileCopy, listenToFile, type Stats } from '../src/client/index.js';

const { VERIGATE_URL = 'http://127.0.0.1:3000', VERIGATE_TOKEN } = process.env;
const PAGE_LIMIT = 500;
const OVER = new Set<Stats['status']>(['completed', 'failed', 'purged']);

const [fileId = ''] = process.argv.slice(2);
if (fileId === '') {
  process.stderr.write('Usage: node dist/examples/listener.js FILE_ID\n');
  process.exit(64);
}

const socket = io(VERIGATE_URL, {
  transports: ['websocket'],
  ...(VERIGATE_TOKEN ? { auth: { token: VERIGATE_TOKEN } } : {}),
});
const copy = new FileCopy();
let stats: Stats | undefined;
/** Snapshots so far: pages that were read for an earlier one are of another copy. */
let snapshots = 0;
let isFilled = false;

const listener = listenToFile(socket, fileId, {
  onSnapshot(snapshot) {
    copy.startOver(snapshot.emails?.emails ?? []);
    show(snapshot.stats);
    void fill(++snapshots).catch(fail);
  },
  onStats(next) {
    show(next);
    finishIfOver();
  },
  // It drops the places that `truncated` names, and puts the results in their places.
  onEmails(event) {
    copy.apply(event);
    finishIfOver();
  },
  onDeleted: () => fail(new Error('the file was deleted')),
});

function show(next: Stats): void {
  stats = next;
  process.stderr.write(`${next.status} ${next.progress.percentage}%\n`);
}

/** A snapshot carries the first page; the others are read over REST, while events go on coming. */
async function fill(snapshot: number): Promise<void> {
  isFilled = false;
  for (let page = 1, pages = 1; page <= pages && snapshot === snapshots; page++) {
    const url = new URL(`/api/files/${encodeURIComponent(fileId)}/emails`, VERIGATE_URL);
    url.search = `page=${page}&limit=${PAGE_LIMIT}`;
    const response = await fetch(url, {
      headers: VERIGATE_TOKEN ? { authorization: `Bearer ${VERIGATE_TOKEN}` } : {},
    });
    // The file does not exist yet: its events will follow.
    if (response.status === 404) break;
    if (!response.ok) throw new Error(`the results cannot be read: ${response.status}`);
    const { emails, pagination } = (await response.json()) as EmailsPage;
    if (snapshot !== snapshots) return;
    copy.fill(emails);
    pages = pagination.pages;
  }
  isFilled = true;
  finishIfOver();
}

/** The last stats may come before the last results: it is over when the copy holds what the stats count. */
function finishIfOver(): void {
  if (stats === undefined || !isFilled || !OVER.has(stats.status)) return;
  if (copy.size !== stats.progress.processed) return;
  for (const { email, status, batchId, position } of copy.results()) {
    process.stdout.write(`${JSON.stringify({ batchId, position, status, email })}\n`);
  }
  close();
}

function close(): void {
  listener.close();
  socket.disconnect();
}

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
  close();
}
