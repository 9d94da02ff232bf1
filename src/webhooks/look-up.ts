/**
 * Finds the addresses of a receiver's name. Node makes ordinary look-ups in two threads at a time, each for as long as the name's
 * server is silent: a user who registers such names would keep the gateway from its validator, from Redis and from MongoDB.
 */
import type { LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { limitConcurrency } from '../concurrency-limit.js';
import { ForbiddenAddress, isPublicAddress } from './public-addresses.js';

interface LookUpOptions {
  readonly allowPrivate: boolean;
  /** The name servers, with ports; the system's if left out. */
  readonly servers?: readonly string[];
}

/** A name server that does not answer fails a look-up after 4.5 s: the second try waits twice as long. */
const QUERY = { timeout: 1_500, tries: 2 };
/** A look-up by the system that has waited longer for its turn is not begun: its attempt is over. */
const MAX_WAIT_MS = 10_000;

/**
 * For connections to receivers. Fails with `ForbiddenAddress` where any address is not public, unless private ones are allowed.
 * Used by the connection itself, so that a name which changes its address after a check (DNS rebinding) gains nothing.
 */
export function receiverLookUp({ allowPrivate, servers }: LookUpOptions): LookupFunction {
  const addressesOf = async (hostname: string): Promise<LookupAddress[]> => {
    const found = await askNameServers(hostname, servers);
    if (!found.every(({ address }) => isPublicAddress(address)))
      throw new ForbiddenAddress('the address is not public');
    return found;
  };
  // Internal names may be known to the system alone: by its hosts file, or with one of its search domains behind them.
  const anyAddressesOf = (hostname: string): Promise<LookupAddress[]> =>
    askNameServers(hostname, servers).catch(() => askSystem(hostname, performance.now() + MAX_WAIT_MS));
  const find = allowPrivate ? anyAddressesOf : addressesOf;
  return (hostname, { all }, callback) => {
    find(hostname).then(
      (addresses) => {
        const [first] = addresses as [LookupAddress];
        if (all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  };
}

/** At least one. A new resolver each time, because the system's name servers may have changed. */
async function askNameServers(hostname: string, servers?: readonly string[]): Promise<LookupAddress[]> {
  const resolver = new Resolver(QUERY);
  if (servers !== undefined) resolver.setServers(servers);
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const found = [...addressesIn(v4, 4), ...addressesIn(v6, 6)];
  // A name with addresses of one family can be reached, whatever came of the other.
  if (found.length === 0) throw v4.status === 'rejected' ? v4.reason : unknownName();
  return found;
}

const addressesIn = (answer: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] =>
  answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family })) : [];

/** One at a time, so that other look-ups have a thread. */
const askSystem = limitConcurrency(1, async (hostname: string, until: number): Promise<LookupAddress[]> => {
  if (performance.now() > until) throw unknownName();
  return lookup(hostname, { all: true });
});

const unknownName = (): NodeJS.ErrnoException =>
  Object.assign(new Error('no address was found for the name'), { code: 'ENOTFOUND' });
