/** A listener that costs almost nothing, so that the load generator does not limit the measurement. */
import { connect, type Socket } from 'node:net';

const OPEN = '40';
const PONG = '3';
const SUBSCRIBE = (fileId: string) => `420["subscribe",${JSON.stringify({ fileId })}]`;

/**
 * It speaks WebSocket on a plain TCP socket and counts frames by their headers, without reading them: a real client's
 * work on an event is not the gateway's cost.
 */
export class Listener {
  frames = 0;
  bytes = 0;
  readonly #frames = new FrameHeaders();
  #onFrame: (() => void) | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
  }

  /** Connects, and subscribes if a file is given. */
  static async connect(url: string, fileId?: string): Promise<Listener> {
    const { hostname, port } = new URL(url);
    const listener = new Listener(connect(Number(port), hostname));
    await listener.#upgrade(hostname);
    await listener.#until(1);
    listener.#send(OPEN);
    await listener.#until(2);
    if (fileId !== undefined) {
      listener.#send(SUBSCRIBE(fileId));
      await listener.#until(3);
    }
    return listener;
  }

  end(): void {
    this.socket.destroy();
  }

  async #upgrade(host: string): Promise<void> {
    this.socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await new Promise<void>((resolve, reject) => {
      let head = Buffer.alloc(0);
      const read = (chunk: Buffer) => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        this.socket.off('data', read).on('data', (data: Buffer) => this.#take(data));
        if (!head.toString('latin1').startsWith('HTTP/1.1 101')) reject(new Error('the upgrade was refused'));
        resolve();
        if (head.length > end + 4) this.#take(head.subarray(end + 4));
      };
      this.socket.on('data', read).on('error', reject);
    });
  }

  #take(data: Buffer): void {
    this.bytes += data.length;
    for (const length of this.#frames.in(data)) {
      this.frames++;
      // Only Engine.IO's ping has a length of one.
      if (length === 1) this.#send(PONG);
    }
    this.#onFrame?.();
  }

  #until(frames: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onFrame = () => {
        if (this.frames < frames) return;
        this.#onFrame = null;
        resolve();
      };
      this.#onFrame();
    });
  }

  /** A masked text frame with a zero mask. */
  #send(text: string): void {
    const payload = Buffer.from(text);
    const length =
      payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 0xff];
    this.socket.write(Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]));
  }
}

/** Finds the frames in a stream of bytes and skips their payloads. */
class FrameHeaders {
  #skip = 0;
  #header: number[] = [];

  *in(data: Buffer): Generator<number> {
    let at = 0;
    while (at < data.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, data.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#header.push(data[at++] ?? 0);
      const length = lengthIn(this.#header);
      if (length === null) continue;
      this.#header = [];
      this.#skip = length;
      yield length;
    }
  }
}

/** Length of the payload; null: the header is not complete yet. */
function lengthIn(header: readonly number[]): number | null {
  const short = header[1];
  if (short === undefined) return null;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (header.length < 2 + extended) return null;
  return extended === 0 ? short : header.slice(2).reduce((length, byte) => length * 256 + byte, 0);
}
