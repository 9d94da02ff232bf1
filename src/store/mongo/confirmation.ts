/** Has most members of the replica set confirm what an answer rests on, where the call itself had nothing to write. */

import { clock } from '../../clock.js';
import type { Models } from './models.js';

/**
 * "It is so already" is an acknowledgement too. What was read may be the write of an earlier call that the primary alone has,
 * and which is gone if another member becomes the primary. Members get writes in order: once they have this one, they have
 * that one. @throws where too few members confirm it in time
 */
export async function confirmRead({ installations }: Models): Promise<void> {
  await installations.updateOne({ _id: 'installation' }, { $set: { at: clock.date() } });
}
