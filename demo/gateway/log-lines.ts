/** Reads lines of the gateway's log. */
/** The fields that the demo reads. */
export interface LogLine {
  readonly msg: string;
  readonly url?: string;
}

/** Null for a line that the gateway's logger did not write: a warning of Node.js, a crash. */
export function readLogLine(text: string): LogLine | null {
  try {
    const line: unknown = JSON.parse(text);
    return isLogLine(line) ? line : null;
  } catch {
    return null;
  }
}

const isLogLine = (value: unknown): value is LogLine =>
  typeof value === 'object' && value !== null && 'msg' in value && typeof value.msg === 'string';

/** Keeps the last lines of a log. */
export class Tail {
  readonly #lines: string[] = [];

  constructor(private readonly length: number) {}

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > this.length) this.#lines.shift();
  }

  get text(): string {
    return this.#lines.map((line) => `  ${line}`).join('\n');
  }
}
