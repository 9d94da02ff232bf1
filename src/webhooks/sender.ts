/** Sends what is owed to webhooks: claims deliveries that are due, posts them, and reports what came of it. */

import { LRUCache } from 'lru-cache';
import { clock } from '../clock.js';
import { DAY_MS } from '../domain/durations.js';
import type { UserId } from '../domain/id.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { DueDelivery, DueQuery, WebhookStore } from '../store/webhooks.js';
import { jittered, settledWithin } from '../waiting.js';
import { type PostOptions, type PostResult, post } from './post.js';
import { type RetryLimits, resultOf } from './retry-rules.js';

interface SenderOptions extends PostOptions, RetryLimits {
  /** How often the gateway looks for deliveries that are due. */
  readonly periodMs: number;
  /** Of one webhook: the most that are pending, and the most that are kept of those that have ended. */
  readonly maxDeliveries: number;
}

export interface SenderDeps {
  readonly webhooks: Pick<WebhookStore, 'claimDue' | 'list' | 'report' | 'dropSettled' | 'keepWithin'>;
  readonly metrics: Pick<Metrics, 'webhookAttempts'>;
  readonly logger: Logger;
}

/**
 * Attempts under way at once: of this gateway, to the receivers of one user, and to one receiver, so that slow ones leave
 * room for the others. The last claim for a user may exceed the limit by less than it claims.
 */
const MAX_ATTEMPTS = 32;
const MAX_ATTEMPTS_OF_OWNER = 12;
const MAX_ATTEMPTS_OF_WEBHOOK = 4;
/** From so many on, a user without any gets the next place: the backlogs of a few others would take all of them for hours. */
const MANY_ATTEMPTS = MAX_ATTEMPTS / 2;
/** The same of a user whose last attempt ran out of its time: a few such users would hold up everybody else's for hours. */
const MAX_ATTEMPTS_OF_SLOW_OWNER = 2;
/** Users that count as slow at once; the gateway forgets the others. */
const MAX_SLOW_OWNERS = 1_000;
/**
 * The sender looks again so soon after an attempt has ended: what waits for its place does not wait for the next period. Not at
 * once: receivers that answer quickly would have a long backlog posted without a pause, at the cost of everything else.
 */
const PLACE_FREE_MS = 100;
/** Beyond the time of an attempt: the time to report it. */
const REPORT_MS = 5_000;
/** Delivered and failed deliveries are kept for this long, for `GET …/deliveries` and replays. */
const KEEP_MS = 7 * DAY_MS;
const CLEAN_UP_MS = 600_000;

export class WebhookSender {
  readonly #underWay = new Map<DueDelivery, Promise<void>>();
  readonly #slowOwners = new LRUCache<UserId, true>({ max: MAX_SLOW_OWNERS });
  #timer: NodeJS.Timeout | undefined;
  /** When the next look begins, by the monotonic clock; until one has ended, none is set. */
  #looksAt = Number.POSITIVE_INFINITY;
  /** An attempt has ended since the last look began. */
  #hasFreePlace = false;
  #cleanedAt = 0;
  #isClosed = false;

  constructor(
    private readonly deps: SenderDeps,
    private readonly options: SenderOptions,
  ) {}

  start(): void {
    this.#schedule(0);
  }

  /** Waits for attempts under way at most `ms`; what is not reported then is sent again by another gateway, or later. */
  async close(ms: number): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await settledWithin(ms, Promise.all(this.#underWay.values()));
  }

  /** Does not put off a look that comes earlier. */
  #schedule(ms: number): void {
    const at = performance.now() + ms;
    if (this.#isClosed || at >= this.#looksAt) return;
    clearTimeout(this.#timer);
    this.#looksAt = at;
    this.#timer = setTimeout(() => void this.#run(), ms);
  }

  async #run(): Promise<void> {
    const { periodMs } = this.options;
    this.#looksAt = Number.NEGATIVE_INFINITY;
    this.#hasFreePlace = false;
    let isMore = false;
    try {
      isMore = await this.#sendDue();
      await this.#dropOld();
    } catch (error) {
      this.deps.logger.debug(
        { err: error },
        'the gateway failed to look for webhook deliveries and tries again',
      );
    }
    this.#looksAt = Number.POSITIVE_INFINITY;
    // Gateways look at different times.
    this.#schedule(isMore ? 0 : this.#hasFreePlace ? PLACE_FREE_MS : jittered(periodMs));
  }

  /** Whether there may be more that is due. */
  async #sendDue(): Promise<boolean> {
    const limit = MAX_ATTEMPTS - this.#underWay.size;
    if (limit <= 0) return false;
    const leaseMs = this.options.timeoutMs + REPORT_MS;
    const query = {
      now: clock.now(),
      limit: this.#slowOwners.size > 0 ? 1 : Math.min(limit, MAX_ATTEMPTS_OF_WEBHOOK),
      leaseMs,
    };
    const due = await this.#claim(query);
    for (const delivery of due) {
      const attempt = this.#attempt(delivery).finally(() => {
        this.#underWay.delete(delivery);
        this.#hasFreePlace = true;
        this.#schedule(PLACE_FREE_MS);
      });
      this.#underWay.set(delivery, attempt);
    }
    return due.length === query.limit;
  }

  async #claim(query: Omit<DueQuery, 'except'>): Promise<DueDelivery[]> {
    const { webhooks } = this.deps;
    const except = await this.#busy();
    if (this.#underWay.size >= MANY_ATTEMPTS) {
      const served = await this.#webhooksOf(new Set(this.#ownersUnderWay()));
      const due = await webhooks.claimDue({ ...query, except: [...except, ...served] });
      if (due.length > 0) return due;
    }
    return webhooks.claimDue({ ...query, except });
  }

  /** Webhooks with as many attempts under way as one may have, and those of users with as many as one may have. */
  async #busy(): Promise<string[]> {
    const busy = valuesOfMany(
      [...this.#underWay.keys()].map(({ webhookId }) => webhookId),
      () => MAX_ATTEMPTS_OF_WEBHOOK,
    );
    const limitOf = (ownerId: UserId) =>
      this.#slowOwners.has(ownerId) ? MAX_ATTEMPTS_OF_SLOW_OWNER : MAX_ATTEMPTS_OF_OWNER;
    return [...busy, ...(await this.#webhooksOf(valuesOfMany(this.#ownersUnderWay(), limitOf)))];
  }

  /** Of each attempt under way. Without tokens all callers are one, who is left out. */
  #ownersUnderWay(): UserId[] {
    return [...this.#underWay.keys()].flatMap(({ ownerId }) => ownerId ?? []);
  }

  async #webhooksOf(owners: Iterable<UserId>): Promise<string[]> {
    const lists = await Promise.all([...owners].map((ownerId) => this.deps.webhooks.list(ownerId)));
    return lists.flat().map(({ webhookId }) => webhookId);
  }

  async #attempt(delivery: DueDelivery): Promise<void> {
    const { webhooks, metrics, logger } = this.deps;
    const { deliveryId, webhookId, attempts } = delivery;
    const answer = await post(delivery, this.options);
    this.#judge(delivery, answer);
    const result = resultOf(delivery, answer, this.options, clock.now());
    metrics.webhookAttempts.inc({ outcome: result.outcome });
    if (result.outcome !== 'delivered')
      logger.info({ webhookId, deliveryId, attempts, ...answer, outcome: result.outcome }, 'webhook attempt');
    try {
      await webhooks.report(deliveryId, result);
    } catch (error) {
      logger.warn(
        { err: error, webhookId, deliveryId },
        'an attempt could not be reported; it will be repeated',
      );
    }
  }

  #judge({ ownerId }: DueDelivery, { error }: PostResult): void {
    if (ownerId === null) return;
    if (error === 'timeout') this.#slowOwners.set(ownerId, true);
    else this.#slowOwners.delete(ownerId);
  }

  async #dropOld(): Promise<void> {
    const now = clock.now();
    if (now - this.#cleanedAt < CLEAN_UP_MS) return;
    this.#cleanedAt = now;
    const { webhooks, metrics, logger } = this.deps;
    await webhooks.dropSettled(now - KEEP_MS);
    for (const { webhookId, deliveries } of await webhooks.keepWithin(this.options.maxDeliveries)) {
      metrics.webhookAttempts.inc({ outcome: 'failed' }, deliveries);
      logger.warn(
        { webhookId, deliveries },
        'a webhook has too many pending deliveries; the oldest were given up',
      );
    }
  }
}

/** The values that occur at least as many times as their limit says. */
function valuesOfMany<T>(values: readonly T[], limitOf: (value: T) => number): T[] {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].filter(([value, count]) => count >= limitOf(value)).map(([value]) => value);
}
