/** Refuses a `MONGODB_URI` with which an acknowledged update could be lost, or a read could miss it. */

import { mongo } from 'mongoose';
import { EXIT_CONFIG, FatalError } from '../../errors.js';

/** @throws FatalError where the URI is invalid, or asks for less than the gateways promise */
export function assertUsableUri(uri: string): void {
  try {
    assertDurable(new mongo.MongoClient(uri).options);
  } catch (error) {
    // The URI may hold a password, and some of the driver's messages repeat the URI.
    if (error instanceof FatalError) throw error;
    const { message } = error as Error;
    const reason = message.includes('://') || message.includes('@') ? 'cannot be understood' : message;
    throw new FatalError(`MONGODB_URI: ${reason}`, EXIT_CONFIG);
  }
}

/**
 * What the URI says would win over the gateway's own options. A read concern of `majority` may lag behind what was
 * acknowledged, for a moment after each election.
 */
function assertDurable({ writeConcern, readPreference, readConcern }: mongo.MongoOptions): void {
  const { w, journal } = writeConcern ?? {};
  if (journal === false) throw weaker('journal', 'false');
  if (w !== undefined && w !== 'majority') throw weaker('w', String(w));
  if (readPreference.mode !== 'primary') throw weaker('readPreference', readPreference.mode);
  const level = readConcern?.level ?? 'local';
  if (level !== 'local') throw weaker('readConcernLevel', level);
}

const weaker = (option: string, value: string) =>
  new FatalError(
    `MONGODB_URI: ${option}=${value} cannot be: what is acknowledged has to be on the disk of most members, and read from the primary as it is; leave ${option} out`,
    EXIT_CONFIG,
  );

/**
 * A direct connection reads from its one member also when another one has become the primary.
 * @throws FatalError where the member that has answered is one of several
 */
export function assertFollowsPrimary(uri: string, hello: Readonly<Record<string, unknown>>): void {
  const members = ['hosts', 'passives'].flatMap((field) => (hello[field] as string[] | undefined) ?? []);
  if (members.length < 2 || !new mongo.MongoClient(uri).options.directConnection) return;
  throw new FatalError(
    `MONGODB_URI: directConnection=true cannot be: the replica set has ${members.length} members, and another one may become the primary; leave directConnection out`,
    EXIT_CONFIG,
  );
}

/** Where the URI names no database, the driver would use one called `test`. */
export const databaseOf = (uri: string): { dbName?: string } =>
  /^mongodb(?:\+srv)?:\/\/[^/?]+\/[^?]/.test(uri) ? {} : { dbName: 'verigate' };
