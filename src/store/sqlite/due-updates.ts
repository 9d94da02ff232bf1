/**
 * Takes in long lists that were held until their batch was registered, portion by portion. What is cut off is due still: it is
 * taken in when the store is opened, or the registration is repeated.
 */
import { limitConcurrency } from '../../concurrency-limit.js';
import type { Result } from '../../domain/result.js';
import type { LongLists } from './long-lists.js';
import type { CallOf } from './thread/client.js';
import type { WriterOperations } from './thread/operations.js';

/** Asks the writing thread. */
type Ask = CallOf<WriterOperations>;

export class DueUpdates {
  /** Only one list at a time is in memory. */
  readonly #inTurn = limitConcurrency(1, (ask: Ask, list: number) => this.#takeIn(ask, list));

  constructor(private readonly lists: LongLists) {}

  /** Takes in lists by their numbers; one that is done already is left out. */
  async takeIn(ask: Ask, due: readonly number[]): Promise<void> {
    for (const list of due) await this.#inTurn(ask, list);
  }

  async #takeIn(ask: Ask, list: number): Promise<void> {
    const envelope = await ask('dueUpdates.find', list);
    if (envelope === null) return;
    const results: Result[] = [];
    for (let piece = 0; ; piece++) {
      const body = await ask('dueUpdates.piece', list, piece);
      if (body === null) break;
      results.push(...(JSON.parse(body) as Result[]));
    }
    await this.lists.save(ask, { ...envelope, results }, { due: list });
  }
}
