/** Compresses answers for clients that accept it: the page, JSON, exports. */
import { constants } from 'node:zlib';
import compression from 'compression';
import type { Request, RequestHandler, Response } from 'express';
import { CallerShares } from '../caller-shares.js';

/** Smaller answers fit into one packet either way. */
const FROM_BYTES = 1024;
/** At 4 the page is larger by Brotli than by gzip; above 5 it takes longer and saves little. */
const BROTLI_QUALITY = 5;
/** 64 KiB. Pages of results are as small by it as by the default of 4 MiB, for which a compressor takes four times the memory. */
const BROTLI_WINDOW_BITS = 16;
/** A compressor takes about a megabyte until its client has read what it makes. What is more is sent uncompressed. */
const MAX_AT_ONCE = 64;

/**
 * What is streamed stays a stream: a piece goes out when the compressor has filled it, and the client's pace holds up the
 * compressor, which holds up the export. Entity tags stay: they are weak, which means the same in any encoding.
 */
export function compress(isOn: boolean, addressOf: (req: Request) => string): RequestHandler {
  if (!isOn) return (_req, _res, next) => next();
  const shares = new CallerShares(MAX_AT_ONCE);
  const hasPlace = (req: Request, res: Response): boolean => {
    const length = Number(res.getHeader('content-length'));
    // It is sent as it is in any case, and needs no place.
    if (req.headers['accept-encoding'] === undefined || length < FROM_BYTES) return true;
    const address = addressOf(req);
    // One that has closed already would never give its place back.
    if (res.closed || !shares.fits(address, 1)) return false;
    shares.add(address, 1);
    res.once('close', () => shares.add(address, -1));
    return true;
  };
  const compressed = compression({
    threshold: FROM_BYTES,
    brotli: {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_BITS,
      },
    },
    // NDJSON is missing among the types that the middleware knows.
    filter: (req, res) =>
      (String(res.getHeader('content-type')).startsWith('application/x-ndjson') ||
        compression.filter(req, res)) &&
      hasPlace(req, res),
  });
  // Reads only: the one secret in an answer is that of a webhook, which a POST registers.
  return (req, res, next) => (req.method === 'GET' ? compressed(req, res, next) : next());
}
