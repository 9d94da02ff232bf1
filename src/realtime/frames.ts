/** Events as Socket.IO packets and WebSocket frames, made once for all their listeners. */

import type { FeedName } from '../domain/events.js';
import { textFrame } from './engine-internals.js';

/** The type of an engine.io packet that carries a message. */
const ENGINE_MESSAGE = '4';

export class EventPacket {
  #frame: Buffer[] | null | undefined;
  #options: object | undefined;

  constructor(
    readonly feed: FeedName,
    readonly text: string,
  ) {}

  /** The packet's WebSocket frame in pieces; null: ws cannot make it. */
  get frame(): Buffer[] | null {
    if (this.#frame === undefined) this.#frame = textFrame(ENGINE_MESSAGE + this.text);
    return this.#frame;
  }

  /** Makes engine.io write the frame as it is, without encoding the packet again. */
  get options(): object {
    this.#options ??= this.frame === null ? {} : { wsPreEncodedFrame: this.frame };
    return this.#options;
  }
}

/** The packets, in order, that one write brings to every listener of the same feeds of a file. */
export class PacketBundle {
  #joined: Buffer | null | undefined;

  /** Characters: about the bytes that are written. */
  readonly size: number;

  constructor(readonly packets: readonly EventPacket[]) {
    this.size = packets.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** All frames in one buffer; null: ws cannot make them. */
  get joined(): Buffer | null {
    if (this.#joined === undefined) {
      const frames = this.packets.map(({ frame }) => frame);
      this.#joined = frames.includes(null) ? null : Buffer.concat(frames.flatMap((frame) => frame ?? []));
    }
    return this.#joined;
  }
}
