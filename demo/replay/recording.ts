/** Reads a recording of the validator's channel: one JSON object a line. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** The channel of a line that names none. */
export const CHANNEL = 'email_validation_results';

/** One recorded message. */
export interface Recorded {
  /** Milliseconds since the recording began. */
  readonly at: number;
  readonly channel: string;
  /** The text that was published. */
  readonly message: string;
  readonly batchId: string;
}

export interface BadLine {
  readonly wrong: string;
}

/** The lines of a recording in order, each with its number. Empty lines are left out. */
export async function* readRecording(
  path: string,
): AsyncGenerator<{ number: number; line: Recorded | BadLine }, void, undefined> {
  const lines = createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let number = 0;
  let at = 0;
  for await (const text of lines) {
    number++;
    if (text.trim() === '') continue;
    const line = readLine(text, at);
    if (!('wrong' in line)) at = line.at;
    yield { number, line };
  }
}

/**
 * Errors name the field and never quote the text: a message holds addresses. A line without a time is played right
 * after the one before.
 */
function readLine(text: string, before: number): Recorded | BadLine {
  const line = parsed(text);
  if (line === null) return { wrong: 'is not a JSON object' };
  const { t = before, channel = CHANNEL, message } = line;
  if (typeof t !== 'number' || !(t >= 0)) return { wrong: 't: must be a number of milliseconds' };
  if (typeof channel !== 'string') return { wrong: 'channel: must be a string' };
  if (typeof message !== 'string') return { wrong: 'message: must be a string' };
  const update = parsed(message);
  if (update === null) return { wrong: 'message: is not a JSON object' };
  if (typeof update.batchId !== 'string') return { wrong: 'message: has no batchId' };
  return { at: t, channel, message, batchId: update.batchId };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/**
 * The message under another batch id. A batch belongs to one file; with a prefix a recording can be played into
 * several.
 */
export function renamed(recorded: Recorded, prefix: string): Recorded {
  if (prefix === '') return recorded;
  const batchId = prefix + recorded.batchId;
  return { ...recorded, batchId, message: JSON.stringify({ ...JSON.parse(recorded.message), batchId }) };
}
