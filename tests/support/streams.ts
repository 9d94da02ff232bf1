import { crc32 } from 'node:zlib';
import type { BatchId } from '../../src/domain/id.js';
import { STREAM } from '../../src/inlet/redis/stream-group.js';

/**
 * The Stream of a batch's updates, as producers choose it: all of a batch in one, so that they keep their order. CRC-32 (of
 * the id as UTF-8) is in the standard library of most languages.
 */
export const streamFor = (batchId: BatchId, shards: number): string =>
  shards === 1 ? STREAM : `${STREAM}:${crc32(batchId) % shards}`;
