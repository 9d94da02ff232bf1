/** Finds out the network address of a client, behind trusted proxies too. */

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { inNetworks } from './networks.js';

type RequestSource = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

export type ClientIpOf = (request: RequestSource) => string;

/**
 * `proxies`: addresses and networks of trusted proxies. `X-Forwarded-For` is read from its end, and only as far as trusted
 * proxies have written it: the client can write anything before that.
 */
export function clientIpBehind(proxies: readonly string[]): ClientIpOf {
  if (proxies.length === 0) return ({ socket }) => plainAddress(socket.remoteAddress ?? '');
  const isTrusted = inNetworks(proxies);
  return ({ headers, socket }) => {
    let address = plainAddress(socket.remoteAddress ?? '');
    const forwardedFor = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    while (isTrusted(address)) {
      const next = plainAddress(forwardedFor.pop()?.trim() ?? '');
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}

/** Removes a port, which some proxies add, and the IPv6 form of an IPv4 address. */
function plainAddress(text: string): string {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? text;
  const address = /^(?:\d+\.){3}\d+(?=:\d+$)/.exec(bare)?.[0] ?? bare;
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
