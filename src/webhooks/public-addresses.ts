/** Keeps deliveries from reaching addresses that are not public (SSRF). */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The receiver's name leads to an address that webhooks may not reach. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
}

/** Whether an IP address belongs to the public internet. IPv4-mapped IPv6 addresses are judged as IPv4. */
export const isPublicAddress = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Resolves a name like Node does, and fails where any of its addresses is not public. Used as the look-up of the connection
 * itself, so that a name which changes its address after a check (DNS rebinding) gains nothing.
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
