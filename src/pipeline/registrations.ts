/** Registers the batches of one request a slice at a time: nothing else waits for longer than one slice. */

import type { Generation } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { Registered, RegisteredBatch, Registration, UpdateStore } from '../store/store.js';

/** What becomes of one slice. */
interface SliceSteps {
  register(slice: Registration): Promise<Registered>;
  /** @throws Fault `unavailable` where no further slice may begin */
  assertMayGoOn(): void;
  /** Announces the slices that are registered. */
  announce(): Promise<void>;
  /** Pins the feed's head of the file until the returned function is called. */
  pinHead(): Promise<() => void>;
}

/**
 * Validates everything before changing anything. If interrupted, the first slices stay registered, and the same call again
 * registers the rest.
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
    await steps.announce();
    return registered;
  }
  await updates.checkRegistration(registration, claimant);
  const release = await steps.pinHead();
  try {
    return await registerAll(registration, slices, steps);
  } finally {
    release();
  }
}

async function registerAll(
  registration: Registration,
  slices: readonly (readonly RegisteredBatch[])[],
  { assertMayGoOn, register, announce }: SliceSteps,
): Promise<Registered> {
  // Else the file would be complete whenever the batches of the first slices are.
  const totalBatches = registration.totalBatches ?? registration.batches.length;
  let whole: Registered | null = null;
  let generation: Generation | undefined;
  let announcing = Promise.resolve();
  for (const batches of slices) {
    assertMayGoOn();
    const registered = await register({
      ...registration,
      totalBatches,
      batches,
      ...(generation === undefined ? {} : { generation }),
      // The batches of the other slices are over with their request, and begin no file.
      ...(whole?.outcome === 'superseded' ? { intent: 'continue' } : {}),
    });
    generation ??= registered.facts?.generation;
    // Meanwhile the next slice is registered, and no other.
    await announcing;
    announcing = announce();
    whole = whole === null ? registered : joined(whole, registered);
  }
  await announcing;
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
