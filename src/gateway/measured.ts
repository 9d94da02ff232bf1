/** Connects the metrics: measures the engine's calls, and reads gauges from the parts when the metrics are requested. */
import { createRequire } from 'node:module';
import type { Config } from '../config.js';
import type { Engine } from '../engine/engine.js';
import { addGauge, measureHeld, measureStreams } from '../metrics/gauges.js';
import { measured } from '../metrics/measured-calls.js';
import type { Metrics } from '../metrics.js';
import { waitingBytes } from '../realtime/backpressure.js';
import type { SocketServer } from '../realtime/server-types.js';
import type { UpdatePath } from './update-path.js';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/** The engine with its calls measured. A feed in memory is no server, and is left as it is. */
export function instrumentEngine(engine: Engine, { ENGINE }: Config, metrics: Metrics): Engine {
  metrics.build.set({ version, node: process.version, engine: ENGINE }, 1);
  return {
    ...engine,
    store: measured(engine.store, 'database', metrics),
    feed: engine.isShared ? measured(engine.feed, 'redis', metrics) : engine.feed,
  };
}

export function instrumentGateway(
  metrics: Metrics,
  { store }: Engine,
  { conflator, inlets }: UpdatePath,
  io: SocketServer,
): void {
  measureHeld(metrics, () => store.updates.heldCounts());
  const { sockets } = io.of('/');
  addGauge(
    metrics,
    'verigate_pending_updates',
    'Batches with an update that is being stored or waits.',
    () => conflator.size,
  );
  addGauge(metrics, 'verigate_pending_update_bytes', 'Bytes of these updates.', () => conflator.bytes);
  addGauge(
    metrics,
    'verigate_socket_pending_bytes',
    'Bytes written to sockets and not read by their peers yet.',
    () => {
      let bytes = 0;
      for (const { conn } of sockets.values()) bytes += waitingBytes(conn);
      return bytes;
    },
  );
  if (inlets !== undefined) measureStreams(metrics, () => inlets.streamBacklogs());
}
