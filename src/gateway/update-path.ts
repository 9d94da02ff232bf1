/** Connects the stations of an update: inlets → intake → conflator → pipeline → flusher. */

import type { Config } from '../config.js';
import type { Engine } from '../engine/engine.js';
import type { Inlets } from '../inlet/inlet.js';
import { Intake } from '../inlet/intake.js';
import { UpdateReader } from '../inlet/update-reader.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { Announcer } from '../pipeline/announcer.js';
import { ChangeGate } from '../pipeline/change-gate.js';
import { Conflator } from '../pipeline/conflator.js';
import { Flusher } from '../pipeline/flusher.js';
import { Pipeline } from '../pipeline/pipeline.js';

export type UpdatePath = ReturnType<typeof createUpdatePath>;

export function createUpdatePath(config: Config, engine: Engine, metrics: Metrics, logger: Logger) {
  const { store, feed, isShared, openInlets } = engine;
  const flusher = new Flusher({
    store,
    feed,
    logger,
    metrics,
    intervalMs: config.FLUSH_INTERVAL_MS,
    emailsPerEvent: config.EMAILS_PER_EVENT,
  });
  const gate = new ChangeGate();
  const pipeline = new Pipeline({
    gate,
    store,
    feed,
    flusher,
    metrics,
    deleteValidatorResults:
      openInlets === null ? null : async (batchIds) => inlets?.deleteValidatorResults(batchIds),
  });
  const conflator = new Conflator(
    (update, sender, arrivedAt) => pipeline.handle(update, sender, arrivedAt),
    config.MAX_PENDING_BYTES,
    metrics,
  );
  const reader = new UpdateReader(config.MAX_REMEMBERED_BYTES);
  const intake = new Intake(pipeline, conflator, reader, config.MAX_UPDATE_BYTES);
  const inlets: Inlets | undefined = openInlets?.({ intake, metrics });
  const announcer = new Announcer(flusher, isShared ? store.changes : null, store.files, feed, gate);
  return { flusher, announcer, pipeline, conflator, reader, intake, inlets };
}
