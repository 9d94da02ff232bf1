/** An engine: the store, the feed and the inlets that belong together; and the limits that every engine has. */

import type { SocketAdapter } from '../adapter/redis-adapter.js';
import type { Config } from '../config.js';
import { DAY_MS } from '../domain/durations.js';
import type { Feed, FeedLimits } from '../feed/feed.js';
import type { HealthChecks } from '../health/checks.js';
import type { Probe } from '../health/dependency-watch.js';
import type { Inlets } from '../inlet/inlet.js';
import type { Intake } from '../inlet/intake.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../store/store.js';

export interface Engine {
  readonly store: Store;
  readonly feed: Feed;
  /** Other gateways work on the same state, and announce what one of them leaves unannounced. */
  readonly isShared: boolean;
  /** Reaches the sockets of other gateways; null: there are no other gateways. */
  readonly adapter: SocketAdapter | null;
  readonly checks: HealthChecks;
  /** Settled once the engine was opened, which may be long after the start. @throws FatalError where it may not be used */
  readonly verified: Promise<void>;
  /** Writes at the servers or at the disk; those of the inlets come beside them. */
  readonly probes: readonly Probe[];
  /** Opens the inlets besides HTTP; null: the engine has none. */
  readonly openInlets: ((deps: InletDeps) => Inlets) | null;
  /** Settings of the servers that the operator should change. @throws Fault where a server cannot be asked */
  readonly advice: () => Promise<Advice[]>;
  /** What the operator should know about the engine; logged at the start. */
  readonly note: string;
}

/** A setting outside the gateway's own that should be another. */
export interface Advice {
  readonly setting: string;
  readonly advice: string;
}

interface InletDeps {
  readonly intake: Pick<Intake, 'update'>;
  readonly metrics: Metrics;
}

export const feedLimits = (config: Config): FeedLimits => ({
  history: config.FEED_HISTORY,
  historyBytes: config.FEED_HISTORY_BYTES,
  ttlMs: config.FEED_TTL_MS,
});

/** What holds addresses outside of files may not be kept longer than those of files. */
const retentionMs = ({ RETENTION_DAYS }: Config): number =>
  RETENTION_DAYS === 0 ? Number.POSITIVE_INFINITY : RETENTION_DAYS * DAY_MS;

/** How long a list is kept that no file uses. */
export const listTtl = (config: Config): number => Math.min(config.LIST_TTL_MS, retentionMs(config));

export const storeLimits = (config: Config) => {
  return {
    heldTtlMs: Math.min(config.HELD_TTL_MS, retentionMs(config)),
    maxHeldBytes: config.MAX_HELD_BYTES,
    deadLetterTtlMs: Math.min(config.DEAD_LETTER_TTL_MS, retentionMs(config)),
    maxDeadLetterBytes: config.MAX_DEAD_LETTER_BYTES,
  };
};
