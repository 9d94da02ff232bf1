import { once } from 'node:events';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.js';

/** A TCP proxy that breaks its connections at a chosen moment. */
export class BreakingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #breakAfter: string | undefined;

  private constructor(
    private readonly target: number,
    readonly port: number,
  ) {
    this.#server = createServer((client) => this.#forward(client));
  }

  static async to(port: number): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(port, await freePort());
    await proxy.restore();
    return proxy;
  }

  /** From now on a request that contains the text is forwarded, and the connection breaks before its answer. */
  breakAfter(text: string): void {
    this.#breakAfter = text;
  }

  async restore(): Promise<void> {
    this.#breakAfter = undefined;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(client: Socket): void {
    const server = dial(this.target, '127.0.0.1');
    let mustBreak = false;
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      mustBreak ||= this.#breakAfter !== undefined && data.includes(this.#breakAfter);
      server.write(data);
    });
    server.on('data', (data) => (mustBreak ? this.close() : client.write(data)));
  }
}
