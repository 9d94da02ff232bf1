/** Sends what is owed to webhooks: claims deliveries that are due, posts them, and reports what came of it. */
import { jittered } from '../backoff.js';
import { clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { DueDelivery, WebhookStore } from '../store/webhooks.js';
import { settledWithin } from '../within.js';
import { type PostOptions, post } from './post.js';
import { type RetryLimits, resultOf } from './retry-rules.js';

export interface SenderOptions extends PostOptions, RetryLimits {
  /** How often the gateway looks for deliveries that are due. */
  readonly periodMs: number;
}

export interface SenderDeps {
  readonly webhooks: Pick<WebhookStore, 'claimDue' | 'report' | 'dropSettled'>;
  readonly metrics: Pick<Metrics, 'webhookAttempts'>;
  readonly logger: Logger;
}

/** Attempts under way at once: of this gateway, and to one receiver, so that a slow one leaves room for the others. */
const MAX_ATTEMPTS = 32;
const MAX_ATTEMPTS_OF_WEBHOOK = 4;
/** Beyond the time of an attempt: the time to report it. */
const REPORT_MS = 5_000;
/** Delivered and failed deliveries are kept for this long, for `GET …/deliveries` and replays. */
const KEEP_MS = 7 * 24 * 3_600_000;
const CLEAN_UP_MS = 600_000;

export class WebhookSender {
  readonly #underWay = new Map<DueDelivery, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
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

  #schedule(ms: number): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#run(), ms);
  }

  async #run(): Promise<void> {
    const { periodMs } = this.options;
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
    // Gateways look at different times.
    this.#schedule(isMore ? 0 : jittered(periodMs));
  }

  /** Whether there may be more that is due. */
  async #sendDue(): Promise<boolean> {
    const limit = MAX_ATTEMPTS - this.#underWay.size;
    if (limit <= 0) return false;
    const leaseMs = this.options.timeoutMs + REPORT_MS;
    const query = {
      now: clock.now(),
      limit: Math.min(limit, MAX_ATTEMPTS_OF_WEBHOOK),
      leaseMs,
      except: this.#busy(),
    };
    const due = await this.deps.webhooks.claimDue(query);
    for (const delivery of due) {
      const attempt = this.#attempt(delivery).finally(() => this.#underWay.delete(delivery));
      this.#underWay.set(delivery, attempt);
    }
    return due.length === query.limit;
  }

  /** Webhooks with as many attempts under way as one may have. */
  #busy(): string[] {
    const counts = new Map<string, number>();
    for (const { webhookId } of this.#underWay.keys())
      counts.set(webhookId, (counts.get(webhookId) ?? 0) + 1);
    return [...counts]
      .filter(([, count]) => count >= MAX_ATTEMPTS_OF_WEBHOOK)
      .map(([webhookId]) => webhookId);
  }

  async #attempt(delivery: DueDelivery): Promise<void> {
    const { webhooks, metrics, logger } = this.deps;
    const { deliveryId, webhookId, attempts } = delivery;
    const answer = await post(delivery, this.options);
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

  async #dropOld(): Promise<void> {
    const now = clock.now();
    if (now - this.#cleanedAt < CLEAN_UP_MS) return;
    this.#cleanedAt = now;
    await this.deps.webhooks.dropSettled(now - KEEP_MS);
  }
}
