/** Preloaded into a gateway: reports the event loop's delay to the parent process when asked. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** An idle loop shows this delay. */
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
// The channel to the parent must not keep a gateway alive.
process.channel?.unref();
