/** Builds the Redis inlets of one gateway, Pub/Sub and Streams, with the look-ups behind them. */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../../logger.js';
import type { Metrics } from '../../metrics.js';
import {
  answersThatCame,
  connector,
  DEFAULT_TIMEOUT_MS,
  isCluster,
  type RedisSource,
} from '../../redis/client.js';
import { Connection, requireConnected } from '../../redis/connection.js';
import { slotRangeOf } from '../../redis/slot-owners.js';
import type { DeadLetterStore } from '../../store/dead-letters.js';
import type { UpdateStore } from '../../store/store.js';
import type { Inlets } from '../inlet.js';
import type { Intake } from '../intake.js';
import { LookUpClaims, MessageClaims } from './claims.js';
import { LookUps } from './look-ups.js';
import { MessageProcessor } from './message-processor.js';
import { probeInlets } from './probe.js';
import { PubSubInlet } from './pubsub-inlet.js';
import { StreamGroup, streamsOf } from './stream-group.js';
import { StreamInlet } from './stream-inlet.js';
import { resultsKey, ValidatorResults } from './validator-results.js';

export interface RedisInletsOptions {
  readonly redis: RedisSource;
  /** Begins the keys that only gateways use; all gateways of one installation have the same. */
  readonly prefix: string;
  readonly intake: Pick<Intake, 'update'>;
  readonly updates: Pick<UpdateStore, 'incompleteBatches'>;
  readonly deadLetters: Pick<DeadLetterStore, 'add'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly maxUpdateBytes: number;
  /** Bytes of messages that each inlet may hold. */
  readonly maxInletBytes: number;
  readonly maxDeliveries: number;
  /** Into how many Streams producers split their updates. */
  readonly streamShards: number;
  readonly claimTtlMs: number;
  /** A stream entry that is pending for this long without a sign of its gateway is taken over. */
  readonly streamIdleMs: number;
  /** Stalled batches are looked up this often. */
  readonly stallAfterMs: number;
  /** Look-ups begin within this time. */
  readonly spreadMs?: number;
  /** A command that is not answered within this time has failed. */
  readonly timeoutMs?: number;
}

const DEFAULT_SPREAD_MS = 500;

/** Four connections, one for each purpose and Stream, so that no command waits behind those of another purpose. */
export function createRedisInlets(options: RedisInletsOptions): Inlets {
  const { redis, prefix, intake, deadLetters, maxDeliveries, logger, metrics } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, spreadMs = DEFAULT_SPREAD_MS, maxInletBytes: maxBytes } = options;
  const connect = connector(redis, timeoutMs);
  const connection = { heartbeatMs: timeoutMs, warn: (message: string) => logger.warn(message) };
  const onConnect = async () => undefined;
  const commands = new Connection(connect('verigate-inlet'), { ...connection, name: 'inlets', onConnect });
  // Values are large: a claim must not wait behind them.
  const values = new Connection(connect('verigate-look-up'), { ...connection, name: 'look-ups', onConnect });
  const owner = `${hostname()}.${process.pid}.${randomBytes(6).toString('base64url')}`;

  const processorOf = (inlet: 'pubsub' | 'stream') =>
    new MessageProcessor({ inlet, intake, deadLetters, maxDeliveries, logger, metrics });
  const results = new ValidatorResults({
    connection: values,
    intake,
    maxUpdateBytes: options.maxUpdateBytes,
    logger,
    metrics,
  });
  const lookUps = new LookUps({
    claims: new LookUpClaims(values, { prefix, owner }),
    results,
    updates: options.updates,
    stalledEveryMs: options.stallAfterMs,
    spreadMs,
    rangeOf: isCluster(redis) ? (batchId) => slotRangeOf(resultsKey(batchId)) : () => '',
    logger,
  });
  const pubsub = new PubSubInlet({
    subscriber: connect('verigate-inlet-subscriber', 'subscriber'),
    connection,
    claims: new MessageClaims(commands, { prefix, ttlMs: options.claimTtlMs, owner }),
    lookUps,
    processor: processorOf('pubsub'),
    maxBytes,
    logger,
  });
  const groups = streamsOf(options.streamShards).map((name) => new StreamGroup(commands, name, owner));
  const streamProcessor = processorOf('stream');
  const streams = groups.map(
    (group) =>
      new StreamInlet({
        reader: connect('verigate-inlet-reader'),
        connection,
        group,
        processor: streamProcessor,
        maxDeliveries,
        maxBytes: Math.ceil(maxBytes / groups.length),
        idleMs: options.streamIdleMs,
        logger,
      }),
  );
  const inlets = [pubsub, ...streams];

  const close = async () => {
    await Promise.all([...inlets.map((inlet) => inlet.close()), lookUps.close()]);
    await Promise.all([commands.close(), values.close()]);
  };
  let closing: Promise<void> | undefined;
  return {
    start() {
      lookUps.start();
      for (const inlet of inlets) inlet.start();
    },
    // Of the Streams that can be asked.
    streamBacklogs: () =>
      answersThatCame(groups.map(async (group) => ({ stream: group.stream, ...(await group.backlog()) }))),
    // Each connection comes back by itself: a deletion needs the one of the look-ups, for instance.
    problems: () => {
      const isAway = commands.isAway || values.isAway;
      return [...new Set([...inlets.flatMap((inlet) => inlet.problems()), ...(isAway ? ['redis'] : [])])];
    },
    close() {
      closing ??= close();
      return closing;
    },
    async probe() {
      await commands.run((connected) => probeInlets(connected, prefix, groups));
      requireConnected([values, pubsub]);
      // One Stream whose shard is away does not keep the others from being read.
      if (streams.every(({ awayBecause }) => awayBecause !== undefined)) requireConnected(streams);
    },
    lookUp: (batchIds) => lookUps.now(batchIds),
    deleteValidatorResults: (batchIds) => results.forget(batchIds),
  };
}
