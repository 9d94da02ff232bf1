/** A name server on this machine that says what a test wants, or nothing. */
import { createSocket } from 'node:dgram';
import { onTeardown } from '../support/teardown.js';

type Family = 4 | 6;
/** Of each name its addresses; null: no answer. Names that are missing do not exist. */
type Names = Readonly<Record<string, Readonly<Record<Family, readonly string[] | null>>>>;

interface NameServer {
  /** For `Resolver.setServers`. */
  readonly address: string;
  /** The names that were asked for, once for each query. */
  readonly queries: string[];
}

const HEADER_BYTES = 12;
const AAAA = 28;
const NO_SUCH_NAME = 3;

export async function startNameServer(names: Names): Promise<NameServer> {
  const queries: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, end } = nameIn(query);
    queries.push(name);
    const known = names[name];
    const addresses = known?.[query.readUInt16BE(end) === AAAA ? 6 : 4];
    if (addresses !== null) socket.send(answer(query, end, addresses), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onTeardown(() => socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, queries };
}

/** The name in the question, and where it ends. */
function nameIn(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

/** The question, repeated, with these addresses; undefined: there is no such name. */
function answer(query: Buffer, nameEnd: number, addresses: readonly string[] | undefined): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(0x8180 | (addresses === undefined ? NO_SUCH_NAME : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses?.length ?? 0, 6);
  const question = query.subarray(HEADER_BYTES, nameEnd + 4);
  return Buffer.concat([header, question, ...(addresses ?? []).map(record)]);
}

/** Of an IPv4 address, or of an IPv6 one that is written with all its groups. */
function record(address: string): Buffer {
  const isV6 = address.includes(':');
  const bytes = isV6
    ? Buffer.from(
        address
          .split(':')
          .map((group) => group.padStart(4, '0'))
          .join(''),
        'hex',
      )
    : Buffer.from(address.split('.').map(Number));
  const head = Buffer.alloc(12);
  // The name is that of the question.
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
  head.writeUInt16BE(isV6 ? AAAA : 1, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, bytes]);
}
