/** Plays a recording, one message after the other, at the recorded pace or another one. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Recorded, readRecording, renamed } from './recording.js';
import type { Target } from './targets.js';

export interface ReplayOptions {
  readonly path: string;
  /** Factor of the recorded pace; 0: no waiting. */
  readonly speed: number;
  readonly prefix: string;
  readonly target: Target;
  readonly stop: AbortSignal;
  /** Called after each line. */
  readonly onProgress: (report: Report) => void;
  /** Called for each line that could not be played or was refused. */
  readonly onProblem: (line: number, what: string) => void;
}

export interface Report {
  lines: number;
  /** Lines that could not be played or were refused. */
  bad: number;
  /** Number of messages by outcome. */
  outcomes: Record<string, number>;
}

export async function replay(play: ReplayOptions): Promise<Report> {
  const { path, prefix, target, stop, onProgress, onProblem } = play;
  const report: Report = { lines: 0, bad: 0, outcomes: {} };
  const due = clock(play.speed);
  for await (const { number, line } of readRecording(path)) {
    report.lines = number;
    if ('wrong' in line) {
      report.bad++;
      onProblem(number, line.wrong);
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
      onProblem(number, outcome);
    }
    onProgress(report);
  }
  return report;
}

/** The time to wait for a message. It is counted from the first message, so that delays do not add up. */
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
