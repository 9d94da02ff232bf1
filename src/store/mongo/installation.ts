/** Checks what all gateways of one database have to agree on, such as their key prefix. */
import { EXIT_CONFIG, FatalError } from '../../errors.js';
import { findDoc, insertIfNew, type Models } from './models.js';

/**
 * Gateways with different prefixes would share the files and not the feeds: each would announce half of the changes.
 * @throws FatalError where other gateways use this database with another prefix
 */
export async function keepPrefix({ installations }: Models, keyPrefix: string): Promise<void> {
  await insertIfNew(installations, { _id: 'installation', keyPrefix });
  const kept = await findDoc(installations, { _id: 'installation' });
  if (kept === null || kept.keyPrefix === keyPrefix) return;
  throw new FatalError(
    `KEY_PREFIX: is "${keyPrefix}", and the gateways of this database use "${kept.keyPrefix}"; give each installation a database of its own`,
    EXIT_CONFIG,
  );
}
