/** Registers the batches of one request a slice at a time: nothing else waits for longer than one slice. */

import type { Claimant } from '../domain/ownership.js';
import type { Registered, RegisteredBatch, Registration, UpdateStore } from '../store/store.js';

/** Batches of one slice. */
const AT_ONCE = 500;

/** What becomes of one slice; fulfilled once its batches are registered and announced. */
type RegisterSlice = (slice: Registration) => Promise<Registered>;

/**
 * Whatever is refused is refused before anything changes. A call that is broken off leaves the first slices registered, and
 * the same call again registers the rest.
 */
export async function registerInSlices(
  updates: Pick<UpdateStore, 'checkRegistration'>,
  registration: Registration,
  claimant: Claimant,
  registerSlice: RegisterSlice,
): Promise<Registered> {
  const slices = slicesOf(registration.batches);
  if (slices.length === 1) return registerSlice(registration);
  await updates.checkRegistration(registration, claimant);
  // Else the file would be complete whenever the batches of the first slices are.
  const totalBatches = registration.totalBatches ?? registration.batches.length;
  let whole: Registered | null = null;
  for (const batches of slices) {
    const generation = whole?.facts?.generation;
    const slice = { ...registration, totalBatches, batches };
    const registered = await registerSlice(generation === undefined ? slice : { ...slice, generation });
    whole = whole === null ? registered : joined(whole, registered);
    if (registered.outcome === 'superseded') break;
  }
  return whole as Registered;
}

function slicesOf(batches: readonly RegisteredBatch[]): (readonly RegisteredBatch[])[] {
  const count = Math.max(1, Math.ceil(batches.length / AT_ONCE));
  return Array.from({ length: count }, (_, slice) => batches.slice(slice * AT_ONCE, (slice + 1) * AT_ONCE));
}

function joined(before: Registered, after: Registered): Registered {
  const outcome =
    after.outcome === 'superseded' || before.outcome === 'unchanged' ? after.outcome : before.outcome;
  return {
    outcome,
    facts: after.facts ?? before.facts,
    // The slices before have announced theirs.
    touched: after.touched,
    fresh: after.fresh,
  };
}
