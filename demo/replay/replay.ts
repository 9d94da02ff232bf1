import { setTimeout as pause } from 'node:timers/promises';
import { type Recorded, readRecording, renamed } from './recording.js';
import type { Target } from './targets.js';

export interface Play {
  readonly path: string;
  /** How many times as fast as it was; 0: as fast as it goes. */
  readonly speed: number;
  readonly prefix: string;
  readonly target: Target;
  readonly stop: AbortSignal;
  /** After each line. */
  readonly onProgress: (report: Report) => void;
  /** A line that was not played, or not taken. */
  readonly onTrouble: (line: number, what: string) => void;
}

export interface Report {
  lines: number;
  /** Lines that were not played, or not taken. */
  bad: number;
  /** How many messages became what. */
  outcomes: Record<string, number>;
}

/** Plays a recording, one message after the other. */
export async function replay(play: Play): Promise<Report> {
  const { path, prefix, target, stop, onProgress, onTrouble } = play;
  const report: Report = { lines: 0, bad: 0, outcomes: {} };
  const due = clock(play.speed);
  for await (const { number, line } of readRecording(path)) {
    report.lines = number;
    if ('wrong' in line) {
      report.bad++;
      onTrouble(number, line.wrong);
      continue;
    }
    const wait = due(line);
    if (wait > 0) await pause(wait, undefined, { signal: stop });
    stop.throwIfAborted();
    const outcome = await target.send(renamed(line, prefix));
    const kind = outcome.split(':', 1)[0] ?? outcome;
    report.outcomes[kind] = (report.outcomes[kind] ?? 0) + 1;
    if (kind === 'refused') {
      report.bad++;
      onTrouble(number, outcome);
    }
    onProgress(report);
  }
  return report;
}

/** How long to wait for a message. Its time counts from the first one, so that being late once does not add up. */
function clock(speed: number): (recorded: Recorded) => number {
  let start: { real: number; recorded: number } | undefined;
  return ({ at }) => {
    if (speed === 0) return 0;
    start ??= { real: performance.now(), recorded: at };
    return start.real + (at - start.recorded) / speed - performance.now();
  };
}

/** Every batch of a recording, in the order of their first messages. */
export async function batchesOf(path: string, prefix: string): Promise<string[]> {
  const batchIds = new Set<string>();
  for await (const { line } of readRecording(path))
    if ('batchId' in line) batchIds.add(prefix + line.batchId);
  return [...batchIds];
}
