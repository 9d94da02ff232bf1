/** The keys of the Streams of updates. The validator's side knows them, so they have no prefix. */

import { crc32 } from 'node:zlib';
import type { BatchId } from '../../domain/id.js';

export const STREAM = 'email_validation_results:stream';

/** The Streams that gateways read: the one that every producer knows, and the parts of a split one. */
export const streamsOf = (shards: number): string[] =>
  shards === 1 ? [STREAM] : [STREAM, ...Array.from({ length: shards }, (_, number) => `${STREAM}:${number}`)];

/**
 * The Stream of a batch's updates, as producers choose it: all of a batch in one, so that they keep their order. CRC-32 (of
 * the id as UTF-8) is in the standard library of most languages.
 */
export const streamFor = (batchId: BatchId, shards: number): string =>
  shards === 1 ? STREAM : `${STREAM}:${crc32(batchId) % shards}`;
