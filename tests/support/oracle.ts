import type { Message } from './producer.js';
import { type Entry, entriesOf, type Tally, tally } from './tally.js';

/**
 * Computes what a file must look like from the messages alone. It uses none of the gateway's code: the rules are
 * written a second time, slowly and plainly.
 */
export class Oracle {
  /** Batches of the current request in order of registration, with their registered sizes. */
  #sizes = new Map<string, number | null>();
  #requestId: string | null = null;
  #declared = 0;
  #totalBatches = 0;
  readonly #sent = new Map<string, SentMessage[]>();
  #clock = 0;

  constructor(readonly fileId: string) {}

  /** Batches of the current request, in order of registration. */
  get batchIds(): string[] {
    return [...this.#sizes.keys()];
  }

  /** Call it when a registration was answered. A registration of another request replaces everything before it. */
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

  /** Call it before a message is sent. @returns a function to call when the gateway has acknowledged it */
  sending(message: Message): () => void {
    const sent: SentMessage = { message, sentAt: ++this.#clock, answeredAt: Number.POSITIVE_INFINITY };
    this.#sent.set(message.batchId, [...(this.#sent.get(message.batchId) ?? []), sent]);
    return () => {
      sent.answeredAt = ++this.#clock;
    };
  }

  /**
   * The messages that the batch may hold. There are several if their order is unknown: those of the highest rank that
   * were under way at the same time, and any that was never answered.
   */
  candidates(batchId: string): Message[] {
    const sent = this.#sent.get(batchId) ?? [];
    const answered = sent.filter(({ answeredAt }) => answeredAt < Number.POSITIVE_INFINITY);
    const best = Math.max(-1, ...answered.map(({ message }) => rankOf(message)));
    const firstAnswer = Math.min(
      ...answered.filter(({ message }) => rankOf(message) === best).map(({ answeredAt }) => answeredAt),
    );
    return sent
      .filter(({ message, sentAt, answeredAt }) => {
        const rank = rankOf(message);
        if (rank > best) return true;
        // Of two equal messages the first one wins. One that was sent after the other was answered came too late.
        return rank === best && (answeredAt === firstAnswer || sentAt < firstAnswer);
      })
      .map(({ message }) => message);
  }

  /** The expected file, given what is stored. @throws if a batch holds what no message could have left there */
  expected(stored: readonly Entry[]): Expected {
    const entries: Entry[] = [];
    const batches: BatchView[] = [];
    for (const [batchId, size] of this.#sizes) {
      const list = stored.filter((entry) => entry.batchId === batchId);
      const current = this.#current(batchId, list);
      const results = current === null ? [] : entriesOf(current);
      entries.push(...results);
      batches.push({
        begun: current !== null,
        complete: current !== null && isComplete(current),
        failed: this.#hasFailed(batchId),
        total: Math.max(current?.totalEmails ?? size ?? 0, results.length),
        processed: results.length,
      });
    }
    return { entries, stats: this.#stats(batches, tally(entries)) };
  }

  #current(batchId: string, stored: readonly Entry[]): Message | null {
    const candidates = this.candidates(batchId);
    if (candidates.length === 0) return null;
    const text = JSON.stringify(stored);
    const fitting = candidates.filter((candidate) => JSON.stringify(entriesOf(candidate)) === text);
    // If the lists are equal, the complete message is the current one.
    const [current] = fitting.sort((a, b) => rankOf(b) - rankOf(a));
    if (current !== undefined) return current;
    const lists = candidates.map((candidate) => entriesOf(candidate));
    throw new Error(
      `batch ${batchId} of ${this.fileId} holds ${text}, and not one of ${JSON.stringify(lists)}`,
    );
  }

  /** A batch reported as failed has failed, until a complete list arrives. */
  #hasFailed(batchId: string): boolean {
    return (this.#sent.get(batchId) ?? []).some(({ message }) => message.failed === true);
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

interface SentMessage {
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

/** Complete beats incomplete, whatever the counts. Between two of a kind the larger count wins. */
const rankOf = (message: Message): number =>
  (isComplete(message) ? 1e9 : 0) + (message.processedCount ?? message.validatedEmails?.length ?? 0);
