import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

type RequestSource = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined };
};

/** The network address that a request comes from. */
export type ClientIpOf = (request: RequestSource) => string;

/**
 * Behind the proxies of these addresses and networks, whoever the last of them names in `X-Forwarded-For`. The list is
 * read from its end, and only as far as the proxies are ours: what stands before that was written by the caller.
 */
export function clientIpBehind(proxies: readonly string[]): ClientIpOf {
  if (proxies.length === 0) return ({ socket }) => plain(socket.remoteAddress ?? '');
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return ({ headers, socket }) => {
    let address = plain(socket.remoteAddress ?? '');
    const named = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',');
    while (isIP(address) !== 0 && isTrusted(address)) {
      const next = plain(named.pop()?.trim() ?? '');
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}

/** An IPv4 address is the same one where it is written as IPv6; some proxies add the port. */
function plain(text: string): string {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? text;
  const address = /^(?:\d+\.){3}\d+(?=:\d+$)/.exec(bare)?.[0] ?? bare;
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
