/** Answers requests for a breakdown: how many results of a file have each value of one property. */
import { limitCallers, WAITING_OF_CALLER } from '../concurrency-limit.js';
import {
  type Breakdown,
  type BreakdownBy,
  type CountedByScan,
  isCountedByScan,
  largest,
  type Ranking,
  rankingOf,
  unranked,
} from '../domain/breakdown.js';
import type { FileId, Generation } from '../domain/id.js';
import { hasEnded, type Stats } from '../domain/stats.js';
import type { Store } from '../store/store.js';
import { settledWithin } from '../waiting.js';
import { countByScan } from './count-by-scan.js';
import type { Snapshots } from './snapshots.js';

/** A request waits this long for the results to be counted; a later one gets what was counted meanwhile. */
const WAIT_MS = 5_000;
/** How often a request has the results counted again, where the file changed while they were read. */
const COUNT_ATTEMPTS = 3;

interface BreakdownQuery {
  readonly fileId: FileId;
  readonly by: BreakdownBy;
  readonly limit: number;
}

/**
 * Scores, attributes and reasons are sums of what each batch adds, at the revision of the stats. Domains and providers are
 * counted by the first request after the file has ended, and again if it changes after that.
 */
export class Breakdowns {
  readonly #counting = new Map<FileId, Promise<void>>();
  /** One file is counted at a time: each one reads all its results. Callers take turns. */
  readonly #inTurn = limitCallers<void>({ ofCaller: 1, ofAll: 1, waiting: WAITING_OF_CALLER });
  readonly #closing = new AbortController();

  constructor(
    private readonly store: Store,
    private readonly snapshots: Pick<Snapshots, 'head'>,
  ) {}

  /**
   * Null: there is no such file. `caller` names whose turn it is where files are counted. `beforeCounting` may refuse, by an error,
   * to have all results read.
   * @throws Fault `rate_limited` where too many counts of the caller wait
   */
  async of(query: BreakdownQuery, caller: string, beforeCounting: () => void): Promise<Breakdown | null> {
    const first = await this.#answer(query);
    if (first === null || !first.isCountMissing) return first?.breakdown ?? null;
    beforeCounting();
    let latest = first;
    // Another gateway may bring the file's count of changes up to date meanwhile: what was counted is not kept then.
    for (let attempt = 1; latest.isCountMissing && attempt <= COUNT_ATTEMPTS; attempt++) {
      const counting = this.#count(query.fileId, caller);
      if (!(await settledWithin(WAIT_MS, counting))) return latest.breakdown;
      const failure = await counting.then(
        () => null,
        (reason: unknown) => ({ reason }),
      );
      const next = await this.#answer(query);
      if (next === null) return null;
      // A file that was deleted or has got another request meanwhile is no failure.
      if (failure !== null && next.isCountMissing) throw failure.reason;
      latest = next;
    }
    return latest.breakdown;
  }

  /** Stops counting; nothing is kept of what was not counted to its end. */
  close(): void {
    this.#closing.abort();
  }

  async #answer({ fileId, by, limit }: BreakdownQuery) {
    const head = await this.snapshots.head(fileId);
    if (head === null) return null;
    const { revision, state } = head;
    const { status } = JSON.parse(state.stats) as Pick<Stats, 'status'>;
    const answer = (ranking: Ranking, complete: boolean) => ({
      breakdown: { by, revision, complete, ...largest(ranking, limit) } satisfies Breakdown,
      isCountMissing: hasEnded(status) && !complete,
    });
    if (!isCountedByScan(by)) return answer(rankingOf(state.totals, by), hasEnded(status));
    // Nothing more will ever be known.
    if (status === 'purged') return answer(unranked(state.totals), true);
    const counted = hasEnded(status) ? await this.#kept(fileId, state.generation, by) : null;
    return answer(counted ?? unranked(state.totals), counted !== null);
  }

  /** What is kept, if the file has not changed since it was counted. */
  async #kept(fileId: FileId, generation: Generation, by: CountedByScan): Promise<Ranking | null> {
    const kept = await this.store.breakdowns.find(fileId, by);
    if (kept === null) return null;
    const now = await this.store.changes.since(fileId, new Map());
    const isCurrent = now?.facts.generation === generation && now.changes === kept.changes;
    return isCurrent ? (JSON.parse(kept.ranking) as Ranking) : null;
  }

  #count(fileId: FileId, caller: string): Promise<void> {
    const known = this.#counting.get(fileId);
    if (known !== undefined) return known;
    const count = () => countByScan(this.store, fileId, this.#closing.signal);
    const counting = this.#inTurn(caller, count).finally(() => this.#counting.delete(fileId));
    this.#counting.set(fileId, counting);
    // It fails where it is awaited; its requests may have gone by then.
    counting.catch(() => undefined);
    return counting;
  }
}
