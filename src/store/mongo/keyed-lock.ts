/** Keeps the calls about one batch or file in order, within this process. */
import type { BatchId, FileId } from '../../domain/id.js';
import { Fault } from '../../errors.js';
import type { MongoConnection } from './connection.js';
import { faultOf } from './errors.js';
import type { Models } from './models.js';

/** `exclusive`: no other call about the key runs at the same time; else others that are not exclusive may. */
interface LockRequest {
  readonly key: string;
  readonly exclusive: boolean;
}

export const fileLock = (fileId: FileId, exclusive: boolean): LockRequest => ({
  key: `file ${fileId}`,
  exclusive,
});
export const batchLock = (batchId: BatchId): LockRequest => ({ key: `batch ${batchId}`, exclusive: true });

interface Queue {
  /** The last exclusive call, and the shared ones after it. */
  exclusive: Promise<Fault | null>;
  shared: Promise<Fault | null>[];
  users: number;
}

const NO_CALL: Promise<Fault | null> = Promise.resolve(null);

/**
 * Keeps the calls of this process about one batch or file in the order in which they came. Without it, all but one of those
 * that come at once would fail in the database and try again.
 *
 * A call behind one that found the database away fails at once: else each call of the queue would wait in turn.
 */
export class KeyedLock {
  readonly #queues = new Map<string, Queue>();

  constructor(private readonly connection: MongoConnection) {}

  /** Works on the database when all earlier calls about the same keys are done. */
  run<T>(requests: readonly LockRequest[], work: (db: Models) => Promise<T>): Promise<T> {
    return this.connection.run((db) =>
      this.#inOrder(requests, () => work(db).catch((error: unknown) => Promise.reject(faultOf(error)))),
    );
  }

  async #inOrder<T>(requests: readonly LockRequest[], work: () => Promise<T>): Promise<T> {
    let finish: (fault: Fault | null) => void = () => {};
    const done = new Promise<Fault | null>((resolve) => {
      finish = resolve;
    });
    // All queues are entered before anything is awaited: that makes it an order, and a deadlock impossible.
    const before = requests.flatMap((request) => this.#enter(request, done));
    let fault: Fault | null = null;
    try {
      fault = (await Promise.all(before)).find((failed) => failed !== null) ?? null;
      if (fault !== null) throw fault;
      return await work();
    } catch (error) {
      if (error instanceof Fault && error.code === 'unavailable') fault = error;
      throw error;
    } finally {
      finish(fault);
      for (const { key } of requests) this.#leave(key);
    }
  }

  #enter({ key, exclusive }: LockRequest, done: Promise<Fault | null>): Promise<Fault | null>[] {
    const queue = this.#queues.get(key) ?? { exclusive: NO_CALL, shared: [], users: 0 };
    this.#queues.set(key, queue);
    queue.users++;
    if (!exclusive) {
      queue.shared.push(done);
      return [queue.exclusive];
    }
    const before = [queue.exclusive, ...queue.shared];
    queue.exclusive = done;
    queue.shared = [];
    return before;
  }

  #leave(key: string): void {
    const queue = this.#queues.get(key);
    if (queue !== undefined && --queue.users === 0) this.#queues.delete(key);
  }
}
