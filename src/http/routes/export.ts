import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Express, Response } from 'express';
import { Fault } from '../../errors.js';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { CSV_HEADER, csvRow } from '../export/csv.js';
import { type Encoding, encodeRows } from '../export/encoding.js';
import { attachment } from '../export/filename.js';
import { ndjsonRow } from '../export/ndjson.js';
import { exportQuery, readQuery } from '../parameters.js';
import { idIn } from '../params.js';

const ENCODINGS: Record<'csv' | 'ndjson', Encoding & { readonly type: string }> = {
  csv: { type: 'text/csv; charset=utf-8; header=present', head: CSV_HEADER, row: csvRow },
  ndjson: { type: 'application/x-ndjson; charset=utf-8', head: '', row: ndjsonRow },
};

/** A download that nobody reads for so long gives its place to another. */
const IDLE_MS = 60_000;
const RETRY_AFTER_SECONDS = 5;

export function exportRoutes(app: Express, { config, guard, rateLimit, store }: HttpDependencies): void {
  let running = 0;
  app.get('/api/files/:fileId/export', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { format, status } = readQuery(req, exportQuery);
    await guard.admit(callerOf(req), 'read', fileId);
    const { type, ...encoding } = ENCODINGS[format];
    const head = async () => {
      // Asked when the first rows are there: a file that was deleted just before them must not come out as an empty one.
      if ((await store.files.find(fileId)) === null) throw new Fault('file_not_found');
      res.setHeader('Content-Type', type);
      res.setHeader('Content-Disposition', attachment(fileId, format));
    };
    if (req.method === 'HEAD') {
      await head();
      res.end();
      return;
    }
    rateLimit.consume(req, res);
    if (running >= config.MAX_EXPORTS) {
      throw new Fault('rate_limited', `MAX_EXPORTS allows ${config.MAX_EXPORTS} at once`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    running++;
    try {
      await send(res, head, encodeRows(store.results.scan(fileId, { status }), encoding));
    } finally {
      running--;
    }
  });
}

async function send(res: Response, head: () => Promise<void>, text: AsyncGenerator<string>): Promise<void> {
  try {
    // A scan that fails at once is still answered with an error; later ones can only break the connection off.
    const first = await text.next();
    await head();
    res.setTimeout(IDLE_MS, () => res.destroy());
    // The pipeline closes the scan when the client goes away, and the connection when the scan fails.
    await pipeline(Readable.from(resumed(first, text), { objectMode: false }), res);
  } catch (error) {
    if (!isDisconnect(error)) throw error;
  } finally {
    await text.return(undefined);
  }
}

async function* resumed(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

const DISCONNECTS = new Set<unknown>([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECONNRESET',
  'EPIPE',
]);
const isDisconnect = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && DISCONNECTS.has(error.code);
