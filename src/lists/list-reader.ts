/** Reads lists: large ones by threads of their own, so that updates, sockets and other requests do not wait for rows. */
import { limitCallers } from '../concurrency-limit.js';
import type { ColumnCounts, ListLayout, ListSummary } from '../domain/list-summary.js';
import type { ByteSource } from './byte-source.js';
import { type Item, type JobInput, type JobName, perform } from './jobs.js';
import type { ListLimits } from './limits.js';
import type { RowBatch } from './read-rows.js';
import { inThread } from './thread/list-thread.js';

export interface ListReaderOptions extends ListLimits {
  /** Lists that are read by threads at once. Exports beyond them, and all small lists, are read on this thread, in turns. */
  readonly MAX_LIST_THREADS: number;
}

/** Read in a moment: starting a thread would take longer. */
const SMALL_BYTES = 256 * 1024;

/**
 * Addresses are counted and submitted at the gateway's own pace, one list of a caller at a time and as many of all as there are
 * threads: the others wait. So neither the set of addresses of each nor the rows of all are ever there at once. An export, which goes
 * on at its reader's pace, waits for none and keeps none waiting.
 */
export class ListReader {
  #threads = 0;
  readonly #places: ReturnType<typeof limitCallers<void>>;

  constructor(
    private readonly options: ListReaderOptions,
    private readonly smallBytes = SMALL_BYTES,
  ) {
    this.#places = limitCallers({ ofCaller: 1, ofAll: Math.max(1, options.MAX_LIST_THREADS) });
  }

  workbookLayout(caller: string, source: ByteSource): Promise<ListLayout> {
    return this.#one('workbookLayout', caller, source, null);
  }

  /** @throws as `summarize` */
  summary(caller: string, source: ByteSource, layout: ListLayout): Promise<ListSummary> {
    return this.#one('summary', caller, source, layout);
  }

  counts(caller: string, source: ByteSource, layout: ListLayout, column: number): Promise<ColumnCounts> {
    return this.#one('counts', caller, source, { layout, column });
  }

  /** Of a column, those of some rows at a time. Rows without one are left out. */
  addresses(
    caller: string,
    source: ByteSource,
    layout: ListLayout,
    column: number,
  ): AsyncGenerator<readonly string[]> {
    return this.#inTurn('addresses', caller, source, { layout, column });
  }

  rows(source: ByteSource, layout: ListLayout): AsyncGenerator<RowBatch> {
    return this.#read('rows', source, layout);
  }

  async #one<J extends JobName>(
    job: J,
    caller: string,
    source: ByteSource,
    input: JobInput<J>,
  ): Promise<Item<J>> {
    for await (const item of this.#inTurn(job, caller, source, input)) return item;
    throw new Error(`nothing came of ${job}`);
  }

  async *#inTurn<J extends JobName>(
    job: J,
    caller: string,
    source: ByteSource,
    input: JobInput<J>,
  ): AsyncGenerator<Item<J>, void, void> {
    const end = await new Promise<() => void>((begin) => void this.#places(caller, () => new Promise(begin)));
    try {
      yield* this.#read(job, source, input);
    } finally {
      end();
    }
  }

  async *#read<J extends JobName>(
    job: J,
    source: ByteSource,
    input: JobInput<J>,
  ): AsyncGenerator<Item<J>, void, void> {
    if (source.size <= this.smallBytes || this.#threads >= this.options.MAX_LIST_THREADS) {
      yield* perform(job, source, this.options, input);
      return;
    }
    this.#threads++;
    try {
      yield* inThread(job, source, this.options, input);
    } finally {
      this.#threads--;
    }
  }
}
