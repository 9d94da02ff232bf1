import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Loaded into a gateway before its own code: says over the channel to its parent how late the event loop was since it was
 * last asked. An idle loop shows the resolution.
 */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;

export interface LoopDelay {
  readonly p999: number;
  readonly max: number;
}

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on('message', () => {
  const answer: LoopDelay = { p999: delay.percentile(99.9) / NS_PER_MS, max: delay.max / NS_PER_MS };
  delay.reset();
  process.send?.(answer);
});
// A gateway ends when it has nothing left to do, whoever may still ask.
process.channel?.unref();
