/** Preloaded into a gateway: reports the event loop's delay, and what the main thread allocates, to the parent process when asked. */
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** An idle loop shows this delay. */
const RESOLUTION_MS = 1;
const NS_PER_MS = 1e6;
/** One sample for so many bytes, in the mean. */
const SAMPLED_BYTES = 16_384;

export interface LoopDelay {
  readonly p999: number;
  readonly max: number;
}

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
process.on('message', async (asked) => {
  process.send?.(asked === 'delay' ? delayNow() : await allocatedBytes());
});

function delayNow(): LoopDelay {
  const answer = { p999: delay.percentile(99.9) / NS_PER_MS, max: delay.max / NS_PER_MS };
  delay.reset();
  return answer;
}

interface Allocations {
  readonly selfSize: number;
  readonly children: readonly Allocations[];
}

let sampling: Session | null = null;

/** The first call begins, and answers 0; the next one ends, and answers with what V8's samples stand for, garbage included. */
async function allocatedBytes(): Promise<number> {
  if (sampling === null) {
    sampling = new Session();
    sampling.connect();
    await sampling.post('HeapProfiler.startSampling', {
      samplingInterval: SAMPLED_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    return 0;
  }
  const { profile } = await sampling.post('HeapProfiler.stopSampling');
  sampling.disconnect();
  sampling = null;
  const sizeOf = ({ selfSize, children }: Allocations): number =>
    children.reduce((sum, child) => sum + sizeOf(child), selfSize);
  return sizeOf(profile.head);
}
// The channel to the parent must not keep a gateway alive.
process.channel?.unref();
