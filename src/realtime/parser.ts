import { type Packet, PacketType, Decoder as StockDecoder, Encoder as StockEncoder } from 'socket.io-parser';
import { JsonText } from '../domain/json-text.js';

/** An event or an acknowledgement that announces binary parts; as many as Socket.IO takes. */
const ANNOUNCING = /^([56])([1-9]|10)-/;

type Handler = (packet: Packet) => void;

/** Socket.IO's own reader of text, which keeps nothing of a packet that it has read: one reads for all connections. */
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
    this.#decoder.add(text);
    return this.#packet;
  }
}

const reader = new TextReader();

/**
 * Reads no binary parts: no event of ours has any, and whoever announces ten and sends nine would have them kept for as
 * long as the connection lasts. The event is read at once, with placeholders where the parts belong, which the schemas refuse.
 */
class Decoder {
  #handler: Handler | null = null;
  #partsToCome = 0;

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
      if (this.#partsToCome === 0) throw new Error('a binary part that was not announced');
      this.#partsToCome--;
      return;
    }
    if (this.#partsToCome > 0) throw new Error('another packet before all binary parts of the last one');
    const [announcement, type, parts] = ANNOUNCING.exec(packet) ?? [];
    if (announcement === undefined) {
      this.#read(packet);
      return;
    }
    this.#partsToCome = Number(parts);
    this.#read(`${type === '5' ? PacketType.EVENT : PacketType.ACK}${packet.slice(announcement.length)}`);
  }

  #read(text: string): void {
    const packet = reader.read(text);
    if (packet !== null) this.#handler?.(packet);
  }
}

/** Writes an answer that is JSON already as it is: the same bytes that Socket.IO would make of it, made once for all who ask. */
class Encoder extends StockEncoder {
  override encode(packet: Packet) {
    const [answer, ...more] = packet.type === PacketType.ACK ? (packet.data as unknown[]) : [];
    if (!(answer instanceof JsonText) || more.length > 0 || packet.nsp !== '/') return super.encode(packet);
    return [`${PacketType.ACK}${packet.id}[${answer.json}]`];
  }
}

/** Socket.IO's own format, for its option `parser`. */
export const textParser = { Encoder, Decoder };
