/** The Socket.IO parser of the gateway: reads no binary attachments, and writes JSON text as it is. */

import { type Packet, PacketType, Decoder as StockDecoder, Encoder as StockEncoder } from 'socket.io-parser';
import { JsonText } from '../domain/json-text.js';
import { hasMoreValues, isTooDeep } from '../json/scan.js';

/** An event or an acknowledgement with binary attachments, of which Socket.IO takes ten at most. */
const WITH_ATTACHMENTS = /^([56])([1-9]|10)-/;

/**
 * Values in a packet. A request has about ten, and a handshake what a client adds to its token. An empty object of two bytes
 * takes twenty times as much in memory.
 */
const MAX_PACKET_VALUES = 1_000;

/** An event with one argument, null, which the schemas refuse: so the client gets an answer. Another packet is no packet then. */
const withoutArguments = (text: string): string =>
  `${/^2\d*\["(?:[^"\\]|\\.)*"/.exec(text)?.[0] ?? ''},null]`;

type Handler = (packet: Packet) => void;

/** Socket.IO's own decoder of text. It keeps nothing of a packet that it has read, so all connections share one. */
class TextReader {
  readonly #decoder = new StockDecoder({ maxAttachments: 0 });
  #packet: Packet | null = null;

  constructor() {
    this.#decoder.on('decoded', (packet: Packet) => {
      this.#packet = packet;
    });
  }

  read(text: string): Packet | null {
    this.#packet = null;
    this.#decoder.add(
      isTooDeep(text) || hasMoreValues(text, MAX_PACKET_VALUES) ? withoutArguments(text) : text,
    );
    return this.#packet;
  }
}

const reader = new TextReader();

/**
 * Discards attachments: no event of the contract has any, and a client that declares ten and sends nine would have them
 * kept as long as its connection. The event is read at once, with placeholders, which the schemas refuse.
 */
class Decoder {
  #handler: Handler | null = null;
  #attachmentsToCome = 0;

  /** Socket.IO listens to one event, `decoded`, once. */
  on(_event: 'decoded', handler: Handler): void {
    this.#handler = handler;
  }

  removeListener(): void {
    this.#handler = null;
  }

  destroy(): void {
    this.#handler = null;
  }

  add(packet: unknown): void {
    if (typeof packet !== 'string') {
      if (this.#attachmentsToCome === 0) throw new Error('an attachment that no packet declared');
      this.#attachmentsToCome--;
      return;
    }
    if (this.#attachmentsToCome > 0) throw new Error('a packet before all attachments of the last one');
    const [header, type, attachments] = WITH_ATTACHMENTS.exec(packet) ?? [];
    if (header === undefined) {
      this.#read(packet);
      return;
    }
    this.#attachmentsToCome = Number(attachments);
    this.#read(`${type === '5' ? PacketType.EVENT : PacketType.ACK}${packet.slice(header.length)}`);
  }

  #read(text: string): void {
    const packet = reader.read(text);
    if (packet !== null) this.#handler?.(packet);
  }
}

/** Writes an answer that is JSON text without parsing it: the same bytes that Socket.IO would make. */
class Encoder extends StockEncoder {
  override encode(packet: Packet) {
    const [answer, ...more] = packet.type === PacketType.ACK ? (packet.data as unknown[]) : [];
    if (!(answer instanceof JsonText) || more.length > 0 || packet.nsp !== '/') return super.encode(packet);
    return [`${PacketType.ACK}${packet.id}[${answer.json}]`];
  }
}

/** For Socket.IO's option `parser`. */
export const textParser = { Encoder, Decoder };
