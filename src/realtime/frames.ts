import type { FeedName } from '../domain/events.js';
import { frameOf } from './direct-write.js';

/** One event as a packet of Socket.IO, for however many connections. */
export class EventPacket {
  #frame: Buffer[] | null | undefined;
  #options: object | undefined;

  constructor(
    readonly feed: FeedName,
    readonly text: string,
  ) {}

  /** Its WebSocket frame in pieces, made once; null: ws does not give it. */
  get frame(): Buffer[] | null {
    if (this.#frame === undefined) this.#frame = frameOf(this.text);
    return this.#frame;
  }

  /** For engine.io, which writes a frame that was made already as it is. */
  get options(): object {
    this.#options ??= this.frame === null ? {} : { wsPreEncodedFrame: this.frame };
    return this.#options;
  }
}

/** What everybody gets who listens to the same feeds of a file: some packets, in order. */
export class FrameBatch {
  #joined: Buffer | null | undefined;

  constructor(readonly packets: readonly EventPacket[]) {}

  /** All of its frames one after the other, to be written in one go. */
  get joined(): Buffer | null {
    if (this.#joined === undefined) {
      const frames = this.packets.map(({ frame }) => frame);
      this.#joined = frames.includes(null) ? null : Buffer.concat(frames.flatMap((frame) => frame ?? []));
    }
    return this.#joined;
  }
}
