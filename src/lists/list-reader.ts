/** Reads lists: large ones by threads of their own, so that updates, sockets and other requests do not wait for rows. */
import type { ColumnCounts, ListLayout, ListSummary } from '../domain/list-summary.js';
import type { ByteSource } from './byte-source.js';
import { type Item, type JobInput, type JobName, perform } from './jobs.js';
import type { ListLimits } from './limits.js';
import type { RowBatch } from './read-rows.js';
import { inThread } from './thread/list-thread.js';

export interface ListReaderOptions extends ListLimits {
  /** Lists that are read by threads at once. More of them, and all small ones, are read on this thread, in turns. */
  readonly MAX_LIST_THREADS: number;
}

/** Read in a moment: starting a thread would take longer. */
const SMALL_BYTES = 256 * 1024;

export class ListReader {
  #threads = 0;

  constructor(
    private readonly options: ListReaderOptions,
    private readonly smallBytes = SMALL_BYTES,
  ) {}

  workbookLayout(source: ByteSource): Promise<ListLayout> {
    return this.#one('workbookLayout', source, null);
  }

  /** @throws as `summarize` */
  summary(source: ByteSource, layout: ListLayout): Promise<ListSummary> {
    return this.#one('summary', source, layout);
  }

  counts(source: ByteSource, layout: ListLayout, column: number): Promise<ColumnCounts> {
    return this.#one('counts', source, { layout, column });
  }

  /** Of a column, those of some rows at a time. Rows without one are left out. */
  addresses(source: ByteSource, layout: ListLayout, column: number): AsyncGenerator<readonly string[]> {
    return this.#read('addresses', source, { layout, column });
  }

  rows(source: ByteSource, layout: ListLayout): AsyncGenerator<RowBatch> {
    return this.#read('rows', source, layout);
  }

  async #one<J extends JobName>(job: J, source: ByteSource, input: JobInput<J>): Promise<Item<J>> {
    for await (const item of this.#read(job, source, input)) return item;
    throw new Error(`nothing came of ${job}`);
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
