/** One file as it is now: its stats, all of its results, and whether both are up to date. */
import { VerigateError } from './errors.js';
import { FileCopy } from './file-copy.js';
import { listenToFile } from './file-listener.js';
import type { FileListener, ListenerState } from './listener-options.js';
import { type PageSource, readPages } from './pages.js';
import type { FileStatus, ListenerSocket, Stats } from './protocol.js';

export interface LiveFileOptions extends Partial<PageSource> {
  /** The gateway, for the pages of results. Without it only the stats are followed. */
  url?: string;
}

const OVER: readonly FileStatus[] = ['completed', 'failed', 'purged'];

/** Whether no further results are to be expected. */
export const isOver = (stats: Stats): boolean => OVER.includes(stats.status);

/** A snapshot carries the first page of results; the others are read over REST, while events go on coming. */
export class LiveFile {
  stats: Stats | undefined;
  state: ListenerState = { state: 'catching-up', since: Date.now() };
  /** Final: the file is not followed any more. */
  error: Error | undefined;
  readonly results = new FileCopy();
  readonly #fileId: string;
  readonly #source: PageSource | undefined;
  readonly #onChange: () => void;
  readonly #listener: FileListener;
  /** Ends the reading of pages; another snapshot has other pages. */
  #reading = new AbortController();
  #isFilled = false;
  #isClosed = false;

  constructor(socket: ListenerSocket, fileId: string, options: LiveFileOptions, onChange: () => void) {
    const { url, token } = options;
    this.#fileId = fileId;
    this.#source = url === undefined ? undefined : { url, token };
    this.#onChange = onChange;
    this.#listener = listenToFile(socket, fileId, {
      ...(token === undefined ? {} : { token }),
      feeds: url === undefined ? ['stats'] : ['stats', 'emails'],
      onSnapshot: ({ stats, emails }) => {
        this.results.startOver(emails?.emails ?? []);
        this.#show(stats);
        void this.#fill();
      },
      onStats: (stats) => this.#show(stats),
      onEmails: (event) => {
        this.results.apply(event);
        this.#changed();
      },
      onDeleted: () => {
        this.results.startOver([]);
        this.stats = undefined;
        this.#failed(new VerigateError('deleted', 'The file was deleted.'));
      },
      onUnsubscribed: (code) => {
        if (code !== 'token_expired' || typeof token !== 'function')
          this.#failed(new VerigateError(code, 'The gateway has ended the subscription.'));
      },
      onState: (state) => this.#enter(state),
    });
  }

  /** Every result that the stats count is here. The last stats may come before the last results. */
  get isWhole(): boolean {
    return (
      this.stats !== undefined &&
      this.#isFilled &&
      isOver(this.stats) &&
      this.results.size === this.stats.progress.processed
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reading.abort();
    this.#listener.close();
  }

  #show(stats: Stats): void {
    this.stats = stats;
    this.#changed();
  }

  #enter(state: ListenerState): void {
    this.state = state;
    const { error } = state.state === 'stale' ? state : {};
    if (error && !error.retryable) this.#failed(new VerigateError(error.code, error.message));
    else this.#changed();
  }

  async #fill(): Promise<void> {
    this.#reading.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#isFilled = this.#source === undefined;
    if (this.#source === undefined) return;
    try {
      for await (const { emails } of readPages(this.#source, this.#fileId, reading.signal)) {
        if (reading.signal.aborted) return;
        this.results.fill(emails);
        this.#changed();
      }
      if (reading.signal.aborted) return;
      this.#isFilled = true;
      this.#changed();
    } catch (error) {
      if (!reading.signal.aborted) this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    this.error ??= error;
    this.#changed();
  }

  #changed(): void {
    if (!this.#isClosed) this.#onChange();
  }
}
