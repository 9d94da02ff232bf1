/** The port to the breakdowns that were counted by reading all results. They are kept and deleted with their generation. */
import type { CountedByScan } from '../domain/breakdown.js';
import type { FileId, Generation } from '../domain/id.js';

export interface KeptRanking {
  /** `FileChanges.changes` when it was counted: it is out of date if that has changed since. */
  readonly changes: number;
  /** JSON of the `Ranking`. */
  readonly ranking: string;
}

export interface BreakdownStore {
  /** What is kept of the file's current generation; null: nothing. */
  find(fileId: FileId, by: CountedByScan): Promise<KeptRanking | null>;
  /** Replaces what was kept. A no-op where that generation of the file is over: domains are deleted with the addresses. */
  keep(
    fileId: FileId,
    generation: Generation,
    changes: number,
    rankings: Readonly<Record<CountedByScan, string>>,
  ): Promise<void>;
}
