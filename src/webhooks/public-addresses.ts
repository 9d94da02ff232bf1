/** Keeps webhooks away from the network inside: which addresses a delivery may connect to. */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The receiver's name leads to an address that webhooks may not reach. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
}

/** Whether an IP address belongs to the public internet. IPv4 addresses in IPv6 clothes count as what they are. */
export const isPublicAddress = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Resolves a name like Node does, and fails where any of its addresses is not public. It is asked for the connection itself, so
 * a name that changes its address between a check and the connection gains nothing.
 */
export function lookUpPublic(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) callback(error ?? new Error('no address'), []);
    else if (!addresses.every(({ address }) => isPublicAddress(address)))
      callback(new ForbiddenAddress('the address is not public'), []);
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}

/** The address in a URL's host, if it is one: those are connected to without a look-up. */
export function addressInHost(hostname: string): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? null : bare;
}
