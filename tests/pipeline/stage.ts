import { expect } from '@jest/globals';
import type { FileEmails } from '../../src/domain/events.js';
import { VALIDATOR } from '../../src/domain/ownership.js';
import type { Stats } from '../../src/domain/stats.js';
import { Heads } from '../../src/epoch/head.js';
import type { Feed, FeedEvent, Follower } from '../../src/feed/feed.js';
import { MemoryFeed } from '../../src/feed/memory-feed.js';
import { createLogger } from '../../src/logger.js';
import { createMetrics } from '../../src/metrics.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Flusher } from '../../src/pipeline/flusher.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { SqliteStore } from '../../src/store/sqlite-store.js';
import type { Store } from '../../src/store/store.js';
import { type Request, registration } from '../contracts/store/harness.js';
import { OPERATOR } from '../support/operator.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { type Message, update } from '../support/updates.js';

export interface Engine {
  readonly store: Store;
  readonly feed: Feed;
}

/** The real store and feed of a single gateway, closed after the test. */
export async function engine(): Promise<Engine> {
  const limits = {
    heldTtlMs: 3_600_000,
    maxHeldBytes: 2 ** 24,
    deadLetterTtlMs: 3_600_000,
    maxDeadLetterBytes: 2 ** 26,
  };
  const store = await SqliteStore.open({ directory: temporaryDirectory(), ...limits });
  const feed = new MemoryFeed({
    history: 10_000,
    historyBytes: 2 ** 26,
    totalBytes: 2 ** 30,
    ttlMs: 3_600_000,
  });
  onTeardown(async () => {
    await feed.close();
    await store.close();
  });
  return { store, feed };
}

/** The pipeline of one gateway over an engine. */
export function gatewayOn({ store, feed }: Engine, intervalMs = 0, emailsPerEvent = 500) {
  const metrics = createMetrics();
  const logger = createLogger('silent');
  const flusher = new Flusher({ store, feed, logger, metrics, intervalMs, emailsPerEvent });
  const pipeline = new Pipeline({ store, feed, flusher, metrics, gate: new ChangeGate() });
  onTeardown(() => flusher.drain());
  return {
    store,
    feed,
    metrics,
    flusher,
    pipeline,
    register: (request: Request) => pipeline.register(registration(request), OPERATOR),
    take: (content: Message) => pipeline.handle(update(content), VALIDATOR),
  };
}

/** Something whose named methods fail a number of times before they work. */
export function flaky<T extends object>(target: T, failures: Partial<Record<keyof T, number>>): T {
  const left = new Map<PropertyKey, number>(Object.entries(failures) as [string, number][]);
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const times = left.get(name) ?? 0;
        if (times === 0) return value.apply(target, args);
        left.set(name, times - 1);
        return Promise.reject(new Error(`${String(name)} fails`));
      };
    },
  });
}

/** A listener that checks each event against the promises of the feed, and keeps a copy of the file from them. */
export class Copy implements Follower {
  readonly events: FeedEvent[] = [];
  readonly lists = new Map<string, string[]>();
  /** Every epoch that it has seen, in order. */
  readonly epochs: string[] = [];
  stats: Stats | null = null;
  removals = 0;
  #revision = 0;
  #emailsRevision = 0;

  private constructor(readonly fileId: string) {}

  /** Subscribes as the gateway does: follows first, then reads the head. */
  static async of({ store, feed }: Engine, fileId: string): Promise<Copy> {
    const copy = new Copy(fileId);
    await feed.follow(fileId, copy);
    const { epoch, revision, emailsRevision } = await new Heads(store, feed).ensure(fileId);
    copy.epochs.push(epoch);
    copy.#revision = revision;
    copy.#emailsRevision = emailsRevision;
    return copy;
  }

  event(event: FeedEvent): void {
    this.events.push(event);
    const body = JSON.parse(event.payload) as Stats | FileEmails;
    expect(body).toMatchObject({ fileId: this.fileId, revision: event.revision });
    if (body.epoch !== this.epochs.at(-1)) this.#startOver(body.epoch);
    // Both feeds count together: the next revision, or the same one for the other feed.
    expect([this.#revision, this.#revision + 1]).toContain(event.revision);
    this.#revision = event.revision;
    if (event.feed === 'emails') this.#take(body as FileEmails);
    else this.stats = body as Stats;
  }

  removed(): void {
    this.removals++;
  }

  /** The payloads of file_emails, read. */
  get emails(): FileEmails[] {
    const emails = this.events.filter(({ feed }) => feed === 'emails');
    return emails.map(({ payload }) => JSON.parse(payload) as FileEmails);
  }

  #startOver(epoch: string): void {
    expect(this.epochs).not.toContain(epoch);
    this.epochs.push(epoch);
    this.lists.clear();
    this.#revision = 0;
    this.#emailsRevision = 0;
  }

  #take({ revision, previous, emails, truncated = [] }: FileEmails): void {
    expect(previous).toBe(this.#emailsRevision);
    expect(revision).toBeGreaterThan(previous);
    this.#emailsRevision = revision;
    for (const { batchId, length } of truncated) this.lists.get(batchId)?.splice(length);
    for (const { batchId, position, email } of emails) {
      const list = this.lists.get(batchId) ?? [];
      list[position] = email;
      this.lists.set(batchId, list);
    }
  }
}
