import { timestamp } from '../verdict/result.js';
import { pythonJson } from './python-json.js';

/** The news of one batch: every result so far. Becomes text when it is sent; many a one is overtaken before. */
export interface Update {
  readonly batchId: string;
  readonly isComplete: boolean;
  readonly totalEmails: number;
  readonly processedCount: number;
  readonly lastUpdated: string;
  /** The first `processedCount` of these; the list goes on growing. Each is JSON already. */
  readonly results: readonly string[];
  /** Characters of the results. */
  readonly length: number;
}

/** The results of a batch that is being worked at, from which its updates are taken. */
export class Ledger {
  readonly #results: string[] = [];
  #length = 0;

  constructor(
    private readonly batchId: string,
    private readonly totalEmails: number,
  ) {}

  get count(): number {
    return this.#results.length;
  }

  add(result: object): void {
    const text = pythonJson(result);
    this.#results.push(text);
    this.#length += text.length;
  }

  update(isComplete: boolean): Update {
    return {
      batchId: this.batchId,
      isComplete,
      totalEmails: this.totalEmails,
      processedCount: this.#results.length,
      lastUpdated: timestamp(),
      results: this.#results,
      length: this.#length,
    };
  }
}

export const resultsOf = ({ results, processedCount }: Update): readonly string[] =>
  results.slice(0, processedCount);

/** The message on the wire, its keys in the order of the real one. */
export function textOf(update: Update): string {
  const { batchId, isComplete, totalEmails, processedCount, lastUpdated } = update;
  const head = pythonJson({ batchId, isComplete }).slice(0, -1);
  const tail = pythonJson({ totalEmails, processedCount, lastUpdated }).slice(1);
  return `${head}, "validatedEmails": [${resultsOf(update).join(', ')}], ${tail}`;
}
