/** Compresses answers for clients that accept it: the page, JSON, exports. */
import { constants } from 'node:zlib';
import compression from 'compression';
import type { RequestHandler } from 'express';

/** Smaller answers fit into one packet either way. */
const FROM_BYTES = 1024;
/** At 4 the page is larger by Brotli than by gzip; above 5 it takes longer and saves little. */
const BROTLI_QUALITY = 5;

/**
 * What is streamed stays a stream: a piece goes out when the compressor has filled it, and the client's pace holds up the
 * compressor, which holds up the export. Entity tags stay: they are weak, which means the same in any encoding.
 */
export function compress(isOn: boolean): RequestHandler {
  if (!isOn) return (_req, _res, next) => next();
  const compressed = compression({
    threshold: FROM_BYTES,
    brotli: { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } },
    // NDJSON is missing among the types that the middleware knows.
    filter: (req, res) =>
      String(res.getHeader('content-type')).startsWith('application/x-ndjson') ||
      compression.filter(req, res),
  });
  // Reads only: the one secret in an answer is that of a webhook, which a POST registers.
  return (req, res, next) => (req.method === 'GET' ? compressed(req, res, next) : next());
}
