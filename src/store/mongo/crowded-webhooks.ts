/** Bounds the deliveries of each webhook in MongoDB. Several gateways may do so at once. */
import { trusted } from 'mongoose';
import { type GivenUp, TOO_MANY } from '../webhooks.js';
import { findFields, type Models } from './models.js';

/** Deliveries that change in one go. */
const AT_ONCE = 1_000;

/** As `WebhookStore.keepWithin` says. */
export async function keepWithin(db: Models, max: number): Promise<GivenUp[]> {
  const many = await db.deliveries.aggregate<{ _id: string }>([
    { $group: { _id: '$webhookId', total: { $sum: 1 } } },
    { $match: { total: { $gt: max } } },
  ]);
  const givenUp: GivenUp[] = [];
  for (const { _id: webhookId } of many) {
    const pending = { webhookId, state: 'pending' } as const;
    const ended = { webhookId, state: trusted({ $in: ['delivered', 'failed'] as const }) };
    const deliveries = await forOldest(db, pending, max, async (ids) => {
      const change = { $set: { state: 'failed', lastError: TOO_MANY, nextAttemptAt: null } } as const;
      return (await db.deliveries.updateMany({ _id: ids, ...pending }, change)).modifiedCount;
    });
    if (deliveries > 0) givenUp.push({ webhookId, deliveries });
    await forOldest(
      db,
      ended,
      max,
      async (ids) => (await db.deliveries.deleteMany({ _id: ids, ...ended })).deletedCount,
    );
  }
  return givenUp;
}

/** Changes the oldest beyond `max`, some at a time; answers with the number of those that changed. */
async function forOldest(
  db: Models,
  filter: { readonly webhookId: string; readonly state: unknown },
  max: number,
  change: (ids: { $in: string[] }) => Promise<number>,
): Promise<number> {
  let left = (await db.deliveries.countDocuments(filter as never)) - max;
  let changed = 0;
  while (left > 0) {
    const oldest = await findFields(db.deliveries, filter as never, ['_id'], {
      sort: { _id: 1 },
      limit: Math.min(AT_ONCE, left),
    });
    if (oldest.length === 0) break;
    changed += await change(trusted({ $in: oldest.map(({ _id }) => _id) }));
    left -= oldest.length;
  }
  return changed;
}
