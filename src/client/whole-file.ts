/** Waits for the end of a file, with or without its results. */
import { VerigateError } from './errors.js';
import { isOver, LiveFile, type LiveFileOptions } from './live-file.js';
import type { ListenerSocket, PlacedResult, Stats } from './protocol.js';
import type { TokenSource } from './token-keeper.js';

export interface WaitOptions {
  token?: TokenSource;
  /** Its abort rejects the promise with the signal's reason. */
  signal?: AbortSignal;
  /** Called with each of the file's stats. */
  onStats?(stats: Stats): void;
}

export interface CollectOptions extends WaitOptions {
  /** Where the gateway is: all results but the first of a file are read over REST. */
  url: string;
}

export interface Collected {
  stats: Stats;
  /** Every result, by batch and position. */
  results: PlacedResult[];
}

/** Resolves with the last stats of a file once it is over; also when it failed: look at `status`. */
export function waitFor(socket: ListenerSocket, fileId: string, options: WaitOptions = {}): Promise<Stats> {
  return follow(socket, fileId, options, ({ stats }) =>
    stats !== undefined && isOver(stats) ? stats : undefined,
  );
}

/** Resolves with every result of a file once it is over, through reconnects, repeated batches and shortened lists. */
export function collect(socket: ListenerSocket, fileId: string, options: CollectOptions): Promise<Collected> {
  return follow(socket, fileId, options, ({ stats, isWhole, results }) => {
    if (stats?.status === 'purged')
      throw new VerigateError('purged', 'The addresses of this file were deleted after their time.');
    return stats !== undefined && isWhole ? { stats, results: [...results.results()] } : undefined;
  });
}

function follow<T>(
  socket: ListenerSocket,
  fileId: string,
  { signal, onStats, ...options }: WaitOptions & LiveFileOptions,
  ended: (file: LiveFile) => T | undefined,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    let told: Stats | undefined;
    const close = () => {
      signal?.removeEventListener('abort', abort);
      file.close();
    };
    const abort = () => {
      close();
      reject(signal?.reason);
    };
    const look = () => {
      try {
        if (file.error) throw file.error;
        if (file.stats !== undefined && file.stats !== told) {
          told = file.stats;
          onStats?.(told);
        }
        const value = ended(file);
        if (value === undefined) return;
        close();
        resolve(value);
      } catch (error) {
        close();
        reject(error);
      }
    };
    // Not before the constructor is done: it reports its state.
    const file: LiveFile = new LiveFile(socket, fileId, options, () => queueMicrotask(look));
    signal?.addEventListener('abort', abort);
  });
}
