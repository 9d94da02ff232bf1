/** A React hook that follows a file. Safe under StrictMode; a server renders the empty state. */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { ListenerState } from './listener-options.js';
import { LiveFile } from './live-file.js';
import type { PlacedResult, Stats } from './protocol.js';
import { borrowSocket } from './socket-pool.js';
import type { TokenSource } from './token-keeper.js';

export interface UseFileOptions {
  /** A token, or a function that returns a fresh one; it may be another function at each rendering. */
  token?: TokenSource;
  /** Default: true. Without them only the stats cross the network. */
  results?: boolean;
}

export interface LiveFileState {
  /** Undefined until the first answer. */
  stats: Stats | undefined;
  state: ListenerState['state'];
  /** All results so far, by batch and position. Their texts are chosen by strangers; React escapes them. */
  results: readonly PlacedResult[];
  /** Why the file is not followed any more: a `VerigateError`. */
  error: Error | undefined;
}

const EMPTY: LiveFileState = { stats: undefined, state: 'catching-up', results: [], error: undefined };

/** Results come up to ten times a second; the array is made anew at most this often. */
const RENDER_EVERY_MS = 100;

export function useFile(url: string, fileId: string, options: UseFileOptions = {}): LiveFileState {
  const { token, results = true } = options;
  const newestToken = useRef(token);
  useEffect(() => {
    newestToken.current = token;
  });
  const tokenKey = typeof token === 'function' ? 'function' : token;
  const [store] = useState(() => new FileStore());
  useEffect(() => {
    const source =
      tokenKey === 'function'
        ? () => {
            const newest = newestToken.current;
            return typeof newest === 'function' ? newest() : (newest ?? '');
          }
        : tokenKey;
    return store.open(url, fileId, source, results);
  }, [store, url, fileId, tokenKey, results]);
  return useSyncExternalStore(store.subscribe, store.current, () => EMPTY);
}

/** What `useSyncExternalStore` reads: it must be the same object until something has changed. */
class FileStore {
  #state = EMPTY;
  readonly #readers = new Set<() => void>();

  readonly current = (): LiveFileState => this.#state;

  readonly subscribe = (reader: () => void): (() => void) => {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  };

  /** @returns what closes it */
  open(url: string, fileId: string, token: TokenSource | undefined, withResults: boolean): () => void {
    const [socket, giveBack] = borrowSocket(url, token, this);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      const { stats, state, error, results } = file;
      this.#enter({ stats, state: state.state, results: [...results.results()], error });
    };
    const file: LiveFile = new LiveFile(socket, fileId, { ...(withResults && { url }), token }, () => {
      timer ??= setTimeout(show, RENDER_EVERY_MS);
    });
    return () => {
      clearTimeout(timer);
      file.close();
      giveBack();
      this.#enter(EMPTY);
    };
  }

  #enter(state: LiveFileState): void {
    this.#state = state;
    for (const reader of this.#readers) reader();
  }
}
