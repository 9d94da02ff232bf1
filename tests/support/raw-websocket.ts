import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTeardown } from './teardown.js';
import { Signal } from './wait.js';

/** A WebSocket over plain TCP. It can do what no library does, such as never reading. */
export class RawWebSocket {
  /** Text frames received so far. */
  readonly texts: string[] = [];
  /** Code and reason of the close frame, if there was one. */
  closing: { code: number; reason: string } | null = null;
  isClosed = false;
  /** Without it the gateway considers the connection dead after a while. */
  answersPings = false;
  readonly #signal = new Signal();
  #rest: Buffer = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    socket.once('close', () => {
      this.isClosed = true;
      this.#signal.changed();
    });
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    onTeardown(() => this.destroy());
  }

  /** Opens the Socket.IO path of a gateway as a WebSocket. It joins no namespace and subscribes to nothing. */
  static async open(url: string): Promise<RawWebSocket> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const head = [
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
      `Host: ${hostname}:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    const raw = new RawWebSocket(socket);
    await raw.received('0{');
    return raw;
  }

  /** Fulfilled when a text frame with this beginning has arrived. */
  received(start: string): Promise<void> {
    return this.until(() => this.has(start));
  }

  has(start: string): boolean {
    return this.texts.some((text) => text.startsWith(start));
  }

  until(condition: () => boolean, withinMs?: number): Promise<void> {
    const describe = () =>
      `${condition}: ${this.isClosed ? 'closed' : 'open'}, ${this.texts.join().slice(0, 500)}`;
    return this.#signal.until(condition, describe, withinMs);
  }

  /** Sends a text or a binary frame of less than 64 KiB. */
  send(content: string | Buffer): void {
    const payload = Buffer.from(content);
    const opcode = typeof content === 'string' ? 1 : 2;
    const mask = randomBytes(4);
    const length =
      payload.length < 126
        ? Buffer.from([0x80 | payload.length])
        : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff]);
    const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    this.socket.write(Buffer.concat([Buffer.from([0x80 | opcode]), length, mask, masked]));
  }

  stopReading(): void {
    this.socket.pause();
  }

  readOn(): void {
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      if (frame.opcode === 1) this.#hear(frame.payload.toString());
      if (frame.opcode !== 8) continue;
      const code = frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
      this.closing = { code, reason: frame.payload.subarray(2).toString() };
      this.socket.end();
    }
    this.#signal.changed();
  }

  #hear(text: string): void {
    this.texts.push(text);
    if (text === '2' && this.answersPings) this.send('3');
  }

  #next(): { opcode: number; payload: Buffer } | null {
    const rest = this.#rest;
    if (rest.subarray(0, 4).toString() === 'HTTP') {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return null;
      if (!rest.subarray(0, 12).toString().endsWith('101')) throw new Error('the gateway does not upgrade');
      this.#rest = rest.subarray(end + 4);
      return this.#next();
    }
    if (rest.length < 2) return null;
    const short = (rest[1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (rest.length < head) return null;
    const length =
      short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
    if (rest.length < head + length) return null;
    this.#rest = rest.subarray(head + length);
    return { opcode: (rest[0] ?? 0) & 0x0f, payload: rest.subarray(head, head + length) };
  }
}
