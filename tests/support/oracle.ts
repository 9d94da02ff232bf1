import type { Message } from './producer.js';
import { type Entry, entriesOf, type Tally, tally } from './tally.js';

/**
 * What a file must look like, worked out from the messages alone. Nothing of the gateway's own code is used: the rules
 * are written down a second time, the slow and plain way.
 */
export class Oracle {
  /** Batches of the request that stands, in order of registration, with the size that was said then. */
  #sizes = new Map<string, number | null>();
  #requestId: string | null = null;
  #declared = 0;
  #totalBatches = 0;
  readonly #heard = new Map<string, Heard[]>();
  #clock = 0;

  constructor(readonly fileId: string) {}

  /** Those of the request that stands, in order of registration. */
  get batchIds(): string[] {
    return [...this.#sizes.keys()];
  }

  /** A registration was answered. One of another request takes the place of all that was before. */
  registered(list: {
    requestId?: string | undefined;
    totalEmails?: number | undefined;
    totalBatches?: number | undefined;
    batches: readonly { batchId: string; totalEmails?: number | undefined }[];
  }): void {
    const { requestId = null, totalEmails, totalBatches, batches } = list;
    if (requestId !== null && this.#requestId !== null && requestId !== this.#requestId) {
      this.#sizes = new Map();
      this.#declared = 0;
      this.#totalBatches = 0;
    }
    this.#requestId = requestId ?? this.#requestId;
    this.#declared = totalEmails ?? this.#declared;
    this.#totalBatches = totalBatches ?? this.#totalBatches;
    for (const { batchId, totalEmails: size = null } of batches) {
      this.#sizes.set(batchId, this.#sizes.get(batchId) ?? size);
    }
  }

  /** A message is about to be sent; call the answer when the gateway has acknowledged it. */
  sending(message: Message): () => void {
    const heard: Heard = { message, sentAt: ++this.#clock, answeredAt: Number.POSITIVE_INFINITY };
    this.#heard.set(message.batchId, [...(this.#heard.get(message.batchId) ?? []), heard]);
    return () => {
      heard.answeredAt = ++this.#clock;
    };
  }

  /**
   * The messages one of which must stand for the batch. More than one where nobody can tell which came first: those of
   * the highest rank that were under way at the same time, and any that was never answered.
   */
  candidates(batchId: string): Message[] {
    const heard = this.#heard.get(batchId) ?? [];
    const answered = heard.filter(({ answeredAt }) => answeredAt < Number.POSITIVE_INFINITY);
    const best = Math.max(-1, ...answered.map(({ message }) => rankOf(message)));
    const firstAnswer = Math.min(
      ...answered.filter(({ message }) => rankOf(message) === best).map(({ answeredAt }) => answeredAt),
    );
    return heard
      .filter(({ message, sentAt, answeredAt }) => {
        const rank = rankOf(message);
        if (rank > best) return true;
        // Of two equals the first stands: one that was sent after another one's answer came too late.
        return rank === best && (answeredAt === firstAnswer || sentAt < firstAnswer);
      })
      .map(({ message }) => message);
  }

  /** What the file must be, given what is stored. @throws where a batch holds what no message could have left there */
  expected(stored: readonly Entry[]): Expected {
    const entries: Entry[] = [];
    const batches: BatchView[] = [];
    for (const [batchId, size] of this.#sizes) {
      const list = stored.filter((entry) => entry.batchId === batchId);
      const standing = this.#standing(batchId, list);
      const results = standing === null ? [] : entriesOf(standing);
      entries.push(...results);
      batches.push({
        begun: standing !== null,
        complete: standing !== null && isComplete(standing),
        failed: this.#hasFailed(batchId),
        total: Math.max(standing?.totalEmails ?? size ?? 0, results.length),
        processed: results.length,
      });
    }
    return { entries, stats: this.#stats(batches, tally(entries)) };
  }

  #standing(batchId: string, stored: readonly Entry[]): Message | null {
    const candidates = this.candidates(batchId);
    if (candidates.length === 0) return null;
    const text = JSON.stringify(stored);
    const fitting = candidates.filter((candidate) => JSON.stringify(entriesOf(candidate)) === text);
    // With the same list, the complete one is the one that stands.
    const [standing] = fitting.sort((a, b) => rankOf(b) - rankOf(a));
    if (standing !== undefined) return standing;
    const lists = candidates.map((candidate) => entriesOf(candidate));
    throw new Error(
      `batch ${batchId} of ${this.fileId} holds ${text}, and not one of ${JSON.stringify(lists)}`,
    );
  }

  /** A producer that says "failed" means it, until a complete list takes it back. */
  #hasFailed(batchId: string): boolean {
    return (this.#heard.get(batchId) ?? []).some(({ message }) => message.failed === true);
  }

  #stats(batches: readonly BatchView[], { processed, ...counts }: Tally): ExpectedStats {
    const completed = batches.filter(({ complete }) => complete);
    const failed = batches.filter(({ complete, failed }) => failed && !complete).length;
    const known = Math.max(batches.length, this.#totalBatches);
    const ended = known > 0 && completed.length + failed >= known;
    const begun = batches.some((batch) => batch.begun) || failed > 0;
    const status = ended ? (failed > 0 ? 'failed' : 'completed') : begun ? 'processing' : 'pending';
    const total = Math.max(
      this.#declared,
      batches.reduce((sum, batch) => sum + batch.total, 0),
    );
    const skipped =
      status === 'completed'
        ? total - processed
        : completed.reduce((sum, batch) => sum + batch.total - batch.processed, 0);
    const share = total === 0 ? 0 : Math.floor(((processed + skipped) * 100) / total);
    const percentage = status === 'completed' ? 100 : status === 'failed' ? share : Math.min(share, 99);
    return {
      fileId: this.fileId,
      status,
      progress: { total, processed, skipped, percentage },
      batches: { total: known, completed: completed.length, failed, stalled: 0 },
      ...counts,
    };
  }
}

interface Heard {
  readonly message: Message;
  readonly sentAt: number;
  answeredAt: number;
}

interface BatchView {
  readonly begun: boolean;
  readonly complete: boolean;
  readonly failed: boolean;
  readonly total: number;
  readonly processed: number;
}

export interface ExpectedStats extends Omit<Tally, 'processed'> {
  fileId: string;
  status: string;
  progress: { total: number; processed: number; skipped: number; percentage: number };
  batches: { total: number; completed: number; failed: number; stalled: number };
}

export interface Expected {
  /** In arrival order. */
  readonly entries: Entry[];
  readonly stats: ExpectedStats;
}

const isComplete = ({ isComplete, failed }: Message): boolean => isComplete === true && failed !== true;

/** Complete beats incomplete, whatever the counts; between two of a kind the larger count. */
const rankOf = (message: Message): number =>
  (isComplete(message) ? 1e9 : 0) + (message.processedCount ?? message.validatedEmails?.length ?? 0);
