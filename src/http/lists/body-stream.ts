/** A request body that passes by in pieces and is refused as soon as it is too large. */
import type { IncomingMessage } from 'node:http';
import { InvalidInput } from '../../domain/invalid-input.js';
import { drain, isEncoded } from '../read-body.js';

/**
 * @throws what `tooLarge` makes, before the body is read where its head says its size
 * @throws InvalidInput where it is encoded, or ends early
 */
export async function* bodyPieces(
  req: IncomingMessage,
  limit: number,
  tooLarge: () => Error,
): AsyncGenerator<Buffer> {
  try {
    if (isEncoded(req)) throw new InvalidInput([{ field: 'content-encoding', message: 'must be identity' }]);
    if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge();
    let length = 0;
    // `destroyOnReturn` would cut the connection before the refusal is sent.
    for await (const piece of req.iterator({ destroyOnReturn: false })) {
      length += (piece as Buffer).length;
      if (length > limit) throw tooLarge();
      yield piece as Buffer;
    }
  } catch (error) {
    throw isCutOff(error)
      ? new InvalidInput([{ field: 'body', message: 'ended before it was complete' }])
      : error;
  } finally {
    if (!req.readableEnded) drain(req);
  }
}

const isCutOff = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^(ECONNRESET|ERR_STREAM_PREMATURE_CLOSE|EPIPE)$/.test(String(error.code));
