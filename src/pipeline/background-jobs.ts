/** What a gateway does periodically: marks stalled batches, sweeps the outbox, drops expired records, purges old files. */

import { clock } from '../clock.js';
import { DAY_MS } from '../domain/durations.js';
import { RepeatLog } from '../log-repeats.js';
import type { Logger } from '../logger.js';
import type { Store } from '../store/store.js';
import { jittered } from '../waiting.js';
import { LOOK_UP_MS, type LookUp, type Pipeline } from './pipeline.js';

/** Ends a job. Work that is in progress goes on to its end. */
type Stop = () => void;

interface JobDeps {
  readonly pipeline: Pick<Pipeline, 'markStalled' | 'queueUnannounced' | 'applyDue' | 'purge'>;
  readonly store: Pick<Store, 'updates' | 'deadLetters' | 'submissions' | 'lists'>;
  readonly logger: Logger;
}

interface JobOptions extends StallOptions {
  /** Other gateways work on the same store and may leave changes unannounced. */
  readonly isShared: boolean;
  /** The shortest time to live of held updates, dead letters and lists. */
  readonly ttlMs: number;
  /** Age in days at which the addresses of an ended file are deleted; 0: never. */
  readonly retentionDays: number;
}

interface StallOptions {
  /** A batch that has begun is stalled after this much silence. */
  readonly begunMs: number;
  /** A batch that waits is stalled after this much silence of its whole file. */
  readonly queuedMs: number;
  /** Looks up missed updates before a stall is announced. */
  readonly lookUp?: LookUp | undefined;
}

/** Stalls and expired records are looked for at least this often. */
const MAX_PERIOD_MS = 10_000;
/** What failed is made up for within the hour. */
const RETENTION_PERIOD_MS = 600_000;
/**
 * A stored change that is older is announced by any gateway, not only by the one that stored it. A stall is not announced by
 * another gateway while the one that marked it still looks up what it missed.
 */
const OVERDUE_MS = LOOK_UP_MS + 500;
const OUTBOX_PERIOD_MS = 1_000;

export function startBackgroundJobs(deps: JobDeps, options: JobOptions): Stop {
  const stops = [
    watchStalls(deps, options),
    ...(options.isShared ? [sweepOutbox(deps)] : []),
    sweepDue(deps),
    sweepExpired(deps, options.ttlMs),
    ...(options.retentionDays > 0 ? [purgeOldFiles(deps, options.retentionDays)] : []),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Marks silent batches as stalled. */
export function watchStalls(
  { pipeline, logger }: Pick<JobDeps, 'pipeline' | 'logger'>,
  { begunMs, queuedMs, lookUp }: StallOptions,
): Stop {
  const log = new RepeatLog(logger);
  const mark = async () => {
    try {
      const now = clock.now();
      await pipeline.markStalled({ begunBefore: now - begunMs, queuedBefore: now - queuedMs }, lookUp);
    } catch (error) {
      log.log('warn', error, 'the gateway failed to look for stalled batches and tries again');
    }
  };
  return runEvery(Math.max(10, Math.min(MAX_PERIOD_MS, begunMs / 4, queuedMs / 4)), mark);
}

/** Announces changes that other gateways have stored and not announced. The period is random, so that gateways take turns. */
function sweepOutbox({ pipeline, logger }: JobDeps): Stop {
  let timer: NodeJS.Timeout;
  let isStopped = false;
  const sweep = async () => {
    try {
      await pipeline.queueUnannounced(clock.now() - OVERDUE_MS);
    } catch (error) {
      logger.debug({ err: error }, 'the gateway failed to sweep the outbox and tries again');
    }
    if (!isStopped) schedule();
  };
  const schedule = () => {
    timer = setTimeout(() => void sweep(), jittered(OUTBOX_PERIOD_MS));
  };
  schedule();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** Applies held updates that a registration has left due: the gateway was killed, or the disk was full. Now and periodically. */
function sweepDue({ pipeline, logger }: Pick<JobDeps, 'pipeline' | 'logger'>): Stop {
  const log = new RepeatLog(logger);
  const sweep = async () => {
    try {
      await pipeline.applyDue();
    } catch (error) {
      log.log('warn', error, 'the gateway failed to apply updates that were held and tries again');
    }
  };
  return runEvery(MAX_PERIOD_MS, sweep, { isFirstNow: true });
}

/** Drops expired held updates, dead letters, submissions and lists. All hold addresses, so none may outlive its time by much. */
function sweepExpired({ store, logger }: JobDeps, ttlMs: number): Stop {
  const log = new RepeatLog(logger);
  const { updates, deadLetters, submissions, lists } = store;
  const sweep = async () => {
    try {
      await updates.dropExpired();
      await deadLetters.dropExpired();
      await submissions.dropExpired();
      await lists.dropExpired();
    } catch (error) {
      log.log(
        'warn',
        error,
        'the gateway failed to drop expired updates, dead letters, submissions and lists and tries again',
      );
    }
  };
  return runEvery(Math.max(10, Math.min(MAX_PERIOD_MS, ttlMs / 4)), sweep);
}

/** Deletes the addresses of old files, now and periodically. */
export function purgeOldFiles(
  { pipeline, logger }: Pick<JobDeps, 'pipeline' | 'logger'>,
  days: number,
): Stop {
  const purge = async () => {
    try {
      const files = await pipeline.purge(clock.now() - days * DAY_MS);
      if (files > 0) logger.info({ files, days }, 'the addresses of old files were deleted');
    } catch (error) {
      logger.warn(
        { err: error },
        'the gateway failed to delete the addresses of old files; it tries again in ten minutes',
      );
    }
  };
  return runEvery(RETENTION_PERIOD_MS, purge, { isFirstNow: true });
}

/** Runs an action once in every period, and skips a period in which it is still running. */
function runEvery(periodMs: number, action: () => Promise<void>, { isFirstNow = false } = {}): Stop {
  let isRunning = false;
  const run = () => {
    if (isRunning) return;
    isRunning = true;
    void action().finally(() => {
      isRunning = false;
    });
  };
  if (isFirstNow) run();
  const timer = setInterval(run, periodMs);
  return () => clearInterval(timer);
}
