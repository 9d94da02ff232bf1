/** Registers the batches of one request a slice at a time: nothing else waits for longer than one slice. */

import type { BatchId, Generation } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { Registered, RegisteredBatch, Registration, UpdateStore } from '../store/store.js';

/** What becomes of one slice. */
interface SliceSteps {
  register(slice: Registration): Promise<Registered>;
  /** Applies what is due of batches that are registered. */
  applyDue(batchIds: readonly BatchId[]): Promise<void>;
  /** @throws Fault `unavailable` where no further slice may begin */
  assertMayGoOn(): void;
  /** Announces the slices that are registered. */
  announce(): Promise<void>;
  /** Pins the feed's head of the file until the returned function is called. */
  pinHead(): Promise<() => void>;
}

/**
 * Validates everything before changing anything. If interrupted, the first slices stay registered, and the same call again
 * registers the rest. What is due is applied once all batches are registered: before, the file would seem to have no others.
 */
export async function registerInSlices(
  updates: Pick<UpdateStore, 'checkRegistration' | 'registrationSlices'>,
  registration: Registration,
  claimant: Claimant,
  steps: SliceSteps,
): Promise<Registered> {
  const slices = await updates.registrationSlices(registration.batches);
  if (slices.length <= 1) {
    const registered = await steps.register(registration);
    await steps.applyDue(registered.due ?? []);
    await steps.announce();
    return registered;
  }
  // Else the file would be complete whenever the batches of the first slices are.
  const totalBatches = await updates.checkRegistration(registration, claimant);
  const release = await steps.pinHead();
  try {
    return await registerAll({ ...registration, totalBatches }, slices, steps);
  } finally {
    release();
  }
}

async function registerAll(
  registration: Registration,
  slices: readonly (readonly RegisteredBatch[])[],
  { assertMayGoOn, register, applyDue, announce }: SliceSteps,
): Promise<Registered> {
  let whole: Registered | null = null;
  let generation: Generation | undefined;
  const due: BatchId[] = [];
  let announcing = Promise.resolve();
  for (const batches of slices) {
    assertMayGoOn();
    const registered = await register({
      ...registration,
      batches,
      ...(generation === undefined ? {} : { generation }),
      // The batches of the other slices are over with their request, and begin no file.
      ...(whole?.outcome === 'superseded' ? { intent: 'continue' } : {}),
    });
    generation ??= registered.facts?.generation;
    due.push(...(registered.due ?? []));
    // Meanwhile the next slice is registered, and no other.
    await announcing;
    announcing = announce();
    whole = whole === null ? registered : joined(whole, registered);
  }
  await announcing;
  if (due.length > 0) {
    await applyDue(due);
    await announce();
  }
  return whole as Registered;
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
