/** Keeps the leases of the submissions that this gateway works on. */
import { randomUUID } from 'node:crypto';
import type { Lease, SubmissionStore } from '../store/submissions.js';

export class Leases {
  readonly #held = new Set<{ readonly id: string; readonly lease: Lease }>();

  constructor(
    private readonly store: SubmissionStore,
    private readonly ms: number,
  ) {}

  /** Names one run of one gateway. */
  create(): Lease {
    return { owner: randomUUID(), ms: this.ms };
  }

  /** Works while the lease is renewed. Where renewing fails, the next step of the work finds out. */
  async during<T>(id: string, lease: Lease, work: () => Promise<T>): Promise<T> {
    const held = { id, lease };
    this.#held.add(held);
    const renew = () => {
      if (this.#held.has(held)) this.store.renew(id, lease).catch(() => undefined);
    };
    const timer = setInterval(renew, Math.max(10, lease.ms / 3));
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.#held.delete(held);
    }
  }

  /** The lease is not renewed any more: what ends or pauses the work says when another gateway may go on. */
  release(lease: Lease): void {
    for (const held of this.#held) if (held.lease === lease) this.#held.delete(held);
  }

  /**
   * Renews every lease held here. Called before work is taken: after an outage this gateway must not take over its own
   * submission that was accepted and could not be stored. @throws where the store is away
   */
  async renewAll(): Promise<void> {
    for (const held of [...this.#held]) if (this.#held.has(held)) await this.store.renew(held.id, held.lease);
  }
}
