/** The names of the Redis Streams that updates arrive on. */
export const STREAM = 'email_validation_results:stream';

/** The Streams that gateways read: the one that every producer knows, and the parts of a split one. */
export const streamsOf = (shards: number): string[] =>
  shards === 1 ? [STREAM] : [STREAM, ...Array.from({ length: shards }, (_, number) => `${STREAM}:${number}`)];
