/** A sentinel that a test controls: it names one primary, and answers and announces when the test says so. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTeardown } from './teardown.js';
import { Signal } from './wait.js';

const CHANNEL = '+switch-master';
const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

export class FakeSentinel {
  /** Who asks for the primary waits while this is set. */
  isSilent = false;
  readonly signal = new Signal();
  readonly #asking: Socket[] = [];
  readonly #subscribers = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));

  private constructor(private readonly primaryPort: number) {}

  static async of(primaryPort: number): Promise<FakeSentinel> {
    const sentinel = new FakeSentinel(primaryPort);
    const sockets = new Set<Socket>();
    sentinel.#server.on('connection', (socket) => sockets.add(socket));
    sentinel.#server.listen(0, '127.0.0.1');
    await once(sentinel.#server, 'listening');
    onTeardown(() => {
      sentinel.#server.close();
      for (const socket of sockets) socket.destroy();
    });
    return sentinel;
  }

  get url(): string {
    return `redis-sentinel://127.0.0.1:${(this.#server.address() as AddressInfo).port}/main`;
  }

  /** Clients that have asked for the primary and got no answer yet. */
  get asking(): number {
    return this.#asking.length;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Tells all subscribers that there is a new primary. */
  announce(): void {
    const text = `main 127.0.0.1 1 127.0.0.1 ${this.primaryPort}`;
    for (const socket of this.#subscribers)
      socket.write(`*3\r\n${bulk('message')}${bulk(CHANNEL)}${bulk(text)}`);
  }

  /** Answers those who wait. */
  speak(): void {
    this.isSilent = false;
    for (const socket of this.#asking.splice(0)) this.#name(socket);
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined).on('close', () => this.#subscribers.delete(socket));
    socket.setEncoding('utf8').on('data', (text: string) => {
      // Clients send one array a command; none of these commands has a star in it.
      for (const command of text.split(/(?=\*\d+\r\n)/)) this.#answer(socket, command.toLowerCase());
      this.signal.changed();
    });
  }

  #answer(socket: Socket, command: string): void {
    if (command.includes('get-master-addr-by-name')) {
      if (this.isSilent) this.#asking.push(socket);
      else this.#name(socket);
    } else if (command.includes('subscribe')) {
      this.#subscribers.add(socket);
      socket.write(`*3\r\n${bulk('subscribe')}${bulk(CHANNEL)}:1\r\n`);
    } else {
      socket.write('+OK\r\n');
    }
  }

  #name(socket: Socket): void {
    socket.write(`*2\r\n${bulk('127.0.0.1')}${bulk(`${this.primaryPort}`)}`);
  }
}
