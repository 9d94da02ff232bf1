import { pino } from 'pino';

export type Logger = pino.Logger;

/** JSON lines on stdout. Nothing personal is ever passed in: no address, no payload, no validator's answer. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
