import { type Packet, PacketType, Decoder as StockDecoder, Encoder as StockEncoder } from 'socket.io-parser';
import { JsonText } from '../domain/json-text.js';

/** An event or an acknowledgement that announces binary parts; as many as Socket.IO takes. */
const ANNOUNCING = /^([56])([1-9]|10)-/;

/**
 * Reads no binary parts: no event of ours has any, and whoever announces ten and sends nine would have them kept for as
 * long as the connection lasts. The event is read at once, with placeholders where the parts belong, which the schemas refuse.
 */
class Decoder extends StockDecoder {
  #partsToCome = 0;

  constructor() {
    super({ maxAttachments: 0 });
  }

  override add(packet: unknown): void {
    if (typeof packet !== 'string') {
      if (this.#partsToCome === 0) throw new Error('a binary part that was not announced');
      this.#partsToCome--;
      return;
    }
    if (this.#partsToCome > 0) throw new Error('another packet before all binary parts of the last one');
    const [announcement, type, parts] = ANNOUNCING.exec(packet) ?? [];
    if (announcement === undefined) {
      super.add(packet);
      return;
    }
    this.#partsToCome = Number(parts);
    super.add(`${type === '5' ? PacketType.EVENT : PacketType.ACK}${packet.slice(announcement.length)}`);
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
