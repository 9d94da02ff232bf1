/** The gateway's log: JSON lines on stdout. */

import { pino } from 'pino';
import { InvalidInput } from './domain/invalid-input.js';
import { FatalError, Fault } from './errors.js';
import type { Refusal } from './refusal.js';

export type Logger = pino.Logger;

/** Callers never log personal data: no address, no payload, no answer of the validator. */
export function createLogger(
  level: string,
  destination: pino.DestinationStream = pino.destination(1),
): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: safeError },
  };
  return pino(options, destination);
}

interface SafeError {
  readonly name: string;
  readonly message?: string;
  readonly code?: string;
  readonly refusal?: Refusal;
  readonly stack?: string;
  readonly cause?: SafeError;
}

/** The loggable parts of an error: messages of parsers and drivers quote the data, so only our own are logged. */
function safeError(error: unknown): SafeError {
  if (!(error instanceof Error)) return { name: typeof error };
  const isOurs = error instanceof Fault || error instanceof FatalError || error instanceof InvalidInput;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    name: error.name,
    ...(isOurs && { message: error.message }),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...(error instanceof Fault && error.refusal !== undefined && { refusal: error.refusal }),
    stack: frames.join('\n'),
    ...(error.cause !== undefined && { cause: safeError(error.cause) }),
  };
}
