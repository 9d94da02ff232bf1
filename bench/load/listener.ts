/** A listener that costs almost nothing, so that the load generator does not limit the measurement. */
import { connect, type Socket } from 'node:net';

/** How a listener opens a connection, and answers pings: frames of a length that no other frame has. */
interface Protocol {
  readonly path: string;
  /** Frames that the server sends before the listener does. */
  readonly greetings: number;
  /** The first message, which is answered; null: there is none. */
  readonly open: string | null;
  subscribe(to: string): string;
  readonly pingLength: number;
  readonly pong: string;
}

const PROTOCOLS = {
  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    greetings: 1,
    open: '40',
    subscribe: (fileId) => `420["subscribe",${JSON.stringify({ fileId })}]`,
    pingLength: 1,
    pong: '3',
  },
  centrifugo: {
    path: '/connection/websocket',
    greetings: 0,
    open: '{"id":1,"connect":{}}',
    subscribe: (channel) => JSON.stringify({ id: 2, subscribe: { channel } }),
    pingLength: 2,
    pong: '{}',
  },
  json: {
    path: '/',
    greetings: 0,
    open: null,
    subscribe: (fileId) => JSON.stringify({ fileId }),
    pingLength: 0,
    pong: '',
  },
} satisfies Record<string, Protocol>;

export type ProtocolName = keyof typeof PROTOCOLS;

/**
 * It speaks WebSocket on a plain TCP socket and counts frames by their headers, without reading them: a real client's
 * work on an event is not the gateway's cost.
 */
export class Listener {
  frames = 0;
  bytes = 0;
  readonly #frames = new FrameHeaders();
  #onFrame: (() => void) | null = null;

  private constructor(
    private readonly socket: Socket,
    private readonly protocol: Protocol,
  ) {
    socket.setNoDelay(true);
  }

  /** Connects, and subscribes if a file (or channel) is given. */
  static async connect(
    url: string,
    fileId?: string,
    protocol: ProtocolName = 'socket.io',
  ): Promise<Listener> {
    const { hostname, port } = new URL(url);
    const { greetings, open, subscribe }: Protocol = PROTOCOLS[protocol];
    const listener = new Listener(connect(Number(port), hostname), PROTOCOLS[protocol]);
    await listener.#upgrade(hostname);
    await listener.#until(greetings);
    const opened = greetings + (open === null ? 0 : 1);
    if (open !== null) listener.#send(open);
    await listener.#until(opened);
    if (fileId !== undefined) {
      listener.#send(subscribe(fileId));
      await listener.#until(opened + 1);
    }
    return listener;
  }

  end(): void {
    this.socket.destroy();
  }

  async #upgrade(host: string): Promise<void> {
    this.socket.write(
      `GET ${this.protocol.path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
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
      if (length === this.protocol.pingLength) this.#send(this.protocol.pong);
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
