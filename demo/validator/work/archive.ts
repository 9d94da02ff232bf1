/** Keeps the newest update of each batch for the status calls. */
import type { Update } from './update.js';

export interface Request {
  readonly requestId: string;
  readonly batchIds: readonly string[];
  readonly totalEmails: number;
}

const MAX_REQUESTS = 1000;
const MAX_CHARACTERS = 32 * 1024 * 1024;

/** The real validator forgets an update after an hour; this one forgets the oldest when it is full. */
export class Archive {
  readonly #updates = new Map<string, Update>();
  readonly #requests = new Map<string, Request>();
  #length = 0;

  keep(update: Update): void {
    this.#forget(update.batchId);
    this.#updates.set(update.batchId, update);
    this.#length += update.length;
    for (const batchId of this.#updates.keys()) {
      if (this.#length <= MAX_CHARACTERS) break;
      this.#forget(batchId);
    }
  }

  register(request: Request): void {
    this.#requests.set(request.requestId, request);
    for (const requestId of this.#requests.keys()) {
      if (this.#requests.size <= MAX_REQUESTS) break;
      this.#requests.delete(requestId);
    }
  }

  update(batchId: string): Update | undefined {
    return this.#updates.get(batchId);
  }

  request(requestId: string): Request | undefined {
    return this.#requests.get(requestId);
  }

  #forget(batchId: string): void {
    this.#length -= this.#updates.get(batchId)?.length ?? 0;
    this.#updates.delete(batchId);
  }
}
