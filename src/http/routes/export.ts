/** Exports: all results of a file as a download, streamed at flat memory. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Express, Response } from 'express';
import { Fault } from '../../errors.js';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { attachment, encodeRows, FORMATS } from '../export/encoding.js';
import { exportQuery, idIn, readQuery } from '../parameters.js';

/** A download that its client does not read for so long is ended, so that another one may run. */
const IDLE_MS = 60_000;
const RETRY_AFTER_SECONDS = 5;

export function exportRoutes(app: Express, { config, guard, rateLimit, store }: HttpDependencies): void {
  let running = 0;
  app.get('/api/files/:fileId/export', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { format, ...filter } = readQuery(req, exportQuery);
    await guard.authorize(callerOf(req), 'read', fileId);
    const { contentType, ...encoding } = FORMATS[format];
    const sendHead = async () => {
      // Checked after the first rows are read: a file that was deleted before them must not look like an empty one.
      if ((await store.files.find(fileId)) === null) throw new Fault('file_not_found');
      res.setHeader('Content-Type', contentType);
      res.setHeader('Content-Disposition', attachment(fileId, format));
    };
    if (req.method === 'HEAD') {
      await sendHead();
      res.end();
      return;
    }
    rateLimit.consume(req, res);
    if (running >= config.MAX_EXPORTS) {
      throw new Fault('rate_limited', `MAX_EXPORTS allows ${config.MAX_EXPORTS} exports at once`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    running++;
    try {
      await send(res, sendHead, encodeRows(store.results.scan(fileId, filter), encoding));
    } finally {
      running--;
    }
  });
}

async function send(
  res: Response,
  sendHead: () => Promise<void>,
  text: AsyncGenerator<string>,
): Promise<void> {
  try {
    // A scan that fails at once is still answered with an error; one that fails later only breaks the connection.
    const first = await text.next();
    await sendHead();
    res.setTimeout(IDLE_MS, () => res.destroy());
    // The pipeline closes the scan when the client goes away, and the connection when the scan fails.
    await pipeline(Readable.from(startingWith(first, text), { objectMode: false }), res);
  } catch (error) {
    if (!isDisconnect(error)) throw error;
  } finally {
    await text.return(undefined);
  }
}

async function* startingWith(
  first: IteratorResult<string>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
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
