/** Entry point of `npm run replay`: plays a recording of the validator's channel into a gateway or into Redis. */
import { accessSync, constants, statSync } from 'node:fs';
import { Failure, print, printError, run } from '../cli/program.js';
import { describe, readArguments, UsageError } from '../cli/settings.js';
import { stopSignal } from '../cli/stop.js';
import { batchesOf, type Report, replay } from './replay.js';
import { REPLAY_SETTINGS } from './settings.js';
import { GatewayTarget, RedisTarget } from './targets.js';

/** EX_DATAERR and EX_NOINPUT of sysexits.h; 128 + SIGINT, as shells report it. */
const EXIT_DATA = 65;
const EXIT_NO_INPUT = 66;
const EXIT_INTERRUPTED = 130;
const PROGRESS_MS = 200;

const help = () => `Usage: npm run replay -- FILE [options]

Plays a recording of the validator's channel into a gateway, message after message. Each line of the file is
{"t": milliseconds, "channel": "…", "message": "the text that was published"}; t and channel may be missing.

${describe(REPLAY_SETTINGS)}

Exit codes: 0 all of it was taken; 65 some lines were not; 66 the file cannot be read; 69 the gateway or Redis is not
there; 130 interrupted.`;

async function main(): Promise<number> {
  const given = readArguments(REPLAY_SETTINGS, process.argv.slice(2), process.env);
  if (given === null) {
    print(help());
    return 0;
  }
  const { values, rest } = given;
  const [path, ...others] = rest;
  if (path === undefined || others.length > 0) throw new UsageError('give one recording to play');
  if (values.stream && values.redis === '') throw new UsageError('--stream: needs --redis');
  refuseUnreadable(path);

  const stop = stopSignal();
  const { url, token, prefix, speed } = values;
  const gateway = new GatewayTarget(url, token, stop);
  const target = values.redis === '' ? gateway : new RedisTarget(values.redis, values.stream);
  try {
    const fileId = values['file-id'];
    if (fileId !== '') await gateway.register(fileId, await batchesOf(path, prefix));
    const progress = progressLine();
    const onProblem = (line: number, what: string) => progress.interrupt(`line ${line}: ${what}`);
    const report = await replay({ path, speed, prefix, target, stop, onProgress: progress.show, onProblem });
    progress.end();
    print(summary(report));
    return report.bad > 0 ? EXIT_DATA : 0;
  } catch (error) {
    if (stop.aborted) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    target.close();
  }
}

function refuseUnreadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
    if (statSync(path).isFile()) return;
  } catch {
    // A missing file is reported below, with the same message as an unreadable one.
  }
  throw new Failure(`${path}: cannot be read`, EXIT_NO_INPUT);
}

function summary({ lines, bad, outcomes }: Report): string {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
  return `${lines} lines: ${[...counts, `${bad} bad`].join(', ')}`;
}

/** A progress line that is overwritten in place; only on a terminal. */
function progressLine() {
  const isSeen = process.stderr.isTTY === true;
  let shownAt = 0;
  const clear = () => isSeen && process.stderr.write('\r\u001b[K');
  return {
    show(report: Report): void {
      const now = performance.now();
      if (!isSeen || now < shownAt + PROGRESS_MS) return;
      shownAt = now;
      process.stderr.write(`\r\u001b[K${summary(report)}`);
    },
    interrupt(text: string): void {
      clear();
      printError(text);
    },
    end: clear,
  };
}

void run('replay', main);
