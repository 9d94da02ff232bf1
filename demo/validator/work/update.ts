/** The updates of a batch, and how they are written as JSON. */
import { timestamp } from '../verdict/result.js';

/** A cumulative update. It becomes text when it is sent: many updates are replaced before that. */
export interface Update {
  readonly batchId: string;
  readonly isComplete: boolean;
  readonly totalEmails: number;
  readonly processedCount: number;
  readonly lastUpdated: string;
  /** Results as JSON. The first `processedCount` belong to this update; the list keeps growing. */
  readonly results: readonly string[];
  /** Characters of the results. */
  readonly length: number;
}

/** Collects the results of a running batch and makes updates of them. */
export class BatchResults {
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

/** The message on the wire, with the keys in the real validator's order. */
export function textOf(update: Update): string {
  const { batchId, isComplete, totalEmails, processedCount, lastUpdated } = update;
  const head = pythonJson({ batchId, isComplete }).slice(0, -1);
  const tail = pythonJson({ totalEmails, processedCount, lastUpdated }).slice(1);
  return `${head}, "validatedEmails": [${resultsOf(update).join(', ')}], ${tail}`;
}

/**
 * JSON as Python's `json.dumps` writes it: blanks after commas and colons, ASCII only. So a lone surrogate, which UTF-8
 * cannot encode, still gets through.
 */
export function pythonJson(value: unknown): string {
  if (typeof value === 'string') return ascii(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${pythonJson(key)}: ${pythonJson(member)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

const ascii = (json: string): string =>
  json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
