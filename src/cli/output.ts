/** What a command prints: a progress bar in a terminal, plain lines elsewhere, JSON lines for programs. */
import { createLogUpdate } from 'log-update';
import type { Stats } from '../client/index.js';

export interface Output {
  /** What the command was asked for: on stdout. */
  result(type: string, value: object, text: string): void;
  /** How far a file is. */
  progress(stats: Stats): void;
  /** For people only: on stderr. */
  note(text: string): void;
  error(code: string, message: string): void;
  /** Leaves the bar as it is; further lines follow below. */
  endProgress(): void;
}

const BAR_WIDTH = 30;
const number = new Intl.NumberFormat('en');
/** Names and texts come from files and servers: none of them moves the cursor. */
const plain = (text: string) => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
/** A download as a terminal may have it: line by line as it was, and without what a terminal obeys. */
export async function* plainText(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const piece of pieces) yield piece.replace(/(?![\t\n]|\r\n)[\p{Cc}\p{Cf}]/gu, ' ');
}
const out = (text: string) => void process.stdout.write(`${text}\n`);
const err = (text: string) => void process.stderr.write(`${plain(text)}\n`);

export function outputFor(wantsJson: boolean): Output {
  if (wantsJson) return jsonLines();
  // A terminal without a width cannot show a bar.
  return process.stderr.isTTY && process.stderr.columns > 0 ? terminal() : plainLines();
}

/** The same JSON in characters that no terminal obeys: it may be shown in one. */
const lineOf = (value: object): string =>
  JSON.stringify(value).replace(/[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu, (char) =>
    char
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );

function jsonLines(): Output {
  return {
    result: (type, value) => out(lineOf({ type, ...value })),
    progress: (stats) => out(lineOf({ type: 'stats', ...stats })),
    note: () => undefined,
    error: (code, message) => void process.stderr.write(`${lineOf({ type: 'error', code, message })}\n`),
    endProgress: () => undefined,
  };
}

function plainLines(): Output {
  let last = '';
  return {
    ...texts,
    progress: (stats) => {
      const { status, progress } = stats;
      const now = `${status} ${progress.percentage}${notSubmitted(stats)}`;
      if (now !== last) err(describe(stats));
      last = now;
    },
    endProgress: () => undefined,
  };
}

function terminal(): Output {
  const line = createLogUpdate(process.stderr);
  return {
    ...texts,
    progress: (stats) => line(`${bar(stats.progress.percentage)} ${plain(describe(stats))}`),
    endProgress: () => line.done(),
  };
}

const texts = {
  result: (_type: string, _value: object, text: string) => out(text.split('\n').map(plain).join('\n')),
  note: err,
  error: (_code: string, message: string) => err(`verigate: ${message}`),
};

function bar(percentage: number): string {
  const full = Math.round((percentage / 100) * BAR_WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
}

/** `processing, 32 %: 320 of 1,000, 48 a second, 14 s left`. */
function describe(stats: Stats): string {
  const { status, progress, throughput } = stats;
  const { emailsPerSecond: rate, etaSeconds: left } = throughput;
  const speed =
    rate !== null && left !== null ? `, ${number.format(Math.round(rate))} a second, ${left} s left` : '';
  return `${status}, ${progress.percentage} %: ${number.format(progress.processed)} of ${number.format(progress.total)}${speed}${notSubmitted(stats)}`;
}

/** Why a list is not submitted as a whole; empty: it is, or it is on its way. */
function notSubmitted({ submission }: Stats): string {
  if (submission === null) return '';
  const { error, uncertain } = submission;
  const sent = uncertain > 0 ? `; the validator's answer to ${number.format(uncertain)} was lost` : '';
  return error === null ? sent : `${sent}; not all is submitted yet (${error})`;
}

/** The four verdicts of a file, a line. */
export function summaryOf({ stats, progress }: Stats): string {
  const counts = Object.entries(stats).map(([status, { count }]) => `${number.format(count)} ${status}`);
  const skipped = progress.skipped > 0 ? `, ${number.format(progress.skipped)} skipped` : '';
  return `${counts.join(', ')}${skipped}`;
}

export const formatted = (count: number): string => number.format(count);
