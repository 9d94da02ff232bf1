/** How places for attempts are given: users whose receivers run out of time leave room for others, and none is left empty. */
import { createServer, type ServerResponse } from 'node:http';
import { expect, it } from '@jest/globals';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import type { DueDelivery, DueQuery } from '../../src/store/webhooks.js';
import { receiverLookUp } from '../../src/webhooks/look-up.js';
import { type SenderDeps, WebhookSender } from '../../src/webhooks/sender.js';
import { newSecret } from '../../src/webhooks/signature.js';
import { listen } from '../http/harness.js';
import { eventually } from '../support/eventually.js';
import { onTeardown } from '../support/teardown.js';
import { startReceiver } from './receiver.js';

const USERS = ['ann', 'bob', 'cem', 'dan'];
const SECRET = newSecret();

/** A store in which deliveries are always due to some users with twelve webhooks each. */
class Backlog {
  readonly underWay = new Map<string, string>();
  /** Of each user: attempts that have ended, and the most that were under way since the first one had. */
  readonly ended = new Map<string, number>();
  readonly most = new Map<string, number>();
  #claimed = 0;

  constructor(
    private readonly url: string,
    readonly users: string[] = [...USERS],
  ) {}

  readonly port: SenderDeps['webhooks'] = {
    claimDue: async ({ limit, except }: DueQuery) => this.#claim(limit, new Set(except)),
    list: async (ownerId) => idsOf(ownerId ?? '').map((webhookId) => ({ webhookId }) as never),
    report: async (deliveryId) => {
      const user = this.underWay.get(deliveryId) ?? '';
      this.underWay.delete(deliveryId);
      this.ended.set(user, (this.ended.get(user) ?? 0) + 1);
    },
    dropSettled: async () => undefined,
    keepWithin: async () => [],
  };

  countOf(user: string): number {
    return [...this.underWay.values()].filter((other) => other === user).length;
  }

  #claim(limit: number, except: ReadonlySet<string>): DueDelivery[] {
    const free = this.users.flatMap(idsOf).filter((webhookId) => !except.has(webhookId));
    return free.slice(0, limit).map((webhookId) => {
      const deliveryId = `d${this.#claimed++}`;
      const ownerId = webhookId.slice(0, 3);
      this.underWay.set(deliveryId, ownerId);
      if (this.ended.has(ownerId))
        this.most.set(ownerId, Math.max(this.most.get(ownerId) ?? 0, this.countOf(ownerId)));
      const common = { url: this.url, secret: SECRET, body: '{}', attempts: 1, since: Date.now() };
      return { ...common, deliveryId, webhookId, ownerId };
    });
  }
}

const idsOf = (user: string): string[] => Array.from({ length: 12 }, (_, n) => `${user}-${n}`);

function start(backlog: Backlog, timeoutMs: number, periodMs = 10): void {
  const sender = new WebhookSender(
    { webhooks: backlog.port, metrics: createMetrics(), logger: createLogger('silent') },
    {
      periodMs,
      maxDeliveries: 1_000,
      timeoutMs,
      allowPrivate: true,
      lookUp: receiverLookUp({ allowPrivate: true }),
      firstMs: 1_000,
      giveUpMs: 60_000,
    },
  );
  sender.start();
  onTeardown(() => sender.close(0));
}

it('a user whose receivers run out of time has two attempts at once', async () => {
  const silent = await startReceiver();
  silent.status = null;
  const backlog = new Backlog(silent.url);
  start(backlog, 100);
  const all = (counts: ReadonlyMap<string, number>, atLeast: number) =>
    USERS.every((user) => (counts.get(user) ?? 0) >= atLeast);
  // The attempts that were begun before the first one ran out of time have ended as well.
  await eventually('every user has had attempts', () => all(backlog.ended, 20));
  backlog.most.clear();
  await eventually('every user has more', () => all(backlog.most, 1) && all(backlog.ended, 40));
  for (const user of USERS) expect(backlog.most.get(user)).toBe(2);
});

it('a place that gets free is for a user who has none, whatever others wait for', async () => {
  const waiting: ServerResponse[] = [];
  // Slow, and never out of time.
  const { url } = await listen(createServer((_req, res) => void waiting.push(res)));
  const backlog = new Backlog(url, ['ann', 'bob', 'cem']);
  start(backlog, 60_000);
  await eventually('all places are taken', () => waiting.length === 32);
  expect(USERS.map((user) => backlog.countOf(user))).toEqual([12, 12, 8, 0]);
  backlog.users.push('dan');
  waiting.shift()?.writeHead(500).end();
  await eventually('the place is taken', () => waiting.length === 32);
  expect(USERS.map((user) => backlog.countOf(user))).toEqual([11, 12, 8, 1]);
});

it('what waits for a place does not wait for the next period', async () => {
  const { url } = await startReceiver();
  const backlog = new Backlog(url, ['ann']);
  start(backlog, 60_000, 600_000);
  await eventually('a backlog is delivered', () => (backlog.ended.get('ann') ?? 0) >= 200);
});
