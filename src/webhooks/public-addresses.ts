/** Tells public addresses from those that webhooks may not reach (SSRF). */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The receiver's name leads to an address that webhooks may not reach. */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
}

/** All IPv6 addresses of the internet are in it. Those outside may stand for IPv4 ones: `::7f00:1` for 127.0.0.1 (RFC 4291). */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** Looks public, but each machine on Azure reaches the host below it there, and no other machine does. */
const AZURE_HOST = '168.63.129.16';

/** Whether an IP address belongs to the public internet. IPv4-mapped IPv6 addresses are judged as IPv4. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.toString() === AZURE_HOST) return false;
  return parsed.range() === 'unicast' && (parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST));
}

/** The address in a URL's host, if it is one: those are connected to without a look-up. */
export function addressInHost(hostname: string): string | null {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? null : bare;
}
