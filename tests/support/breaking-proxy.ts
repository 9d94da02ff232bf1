import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';

/** A line to a server that goes dead at a chosen moment. */
export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #deadly: string | undefined;
  #port = 0;

  private constructor(private readonly target: number) {
    this.#server = createServer((client) => this.#forward(client));
  }

  static async to(port: number): Promise<Line> {
    const line = new Line(port);
    await line.restore();
    return line;
  }

  get port(): number {
    return this.#port;
  }

  /** From now on a request that contains the text arrives, and its answer does not: the line is dead by then. */
  dieAfter(text: string): void {
    this.#deadly = text;
  }

  async restore(): Promise<void> {
    this.#deadly = undefined;
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(client: Socket): void {
    const server = dial(this.target, '127.0.0.1');
    let isDeadly = false;
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
      isDeadly ||= this.#deadly !== undefined && data.includes(this.#deadly);
      server.write(data);
    });
    server.on('data', (data) => (isDeadly ? this.close() : client.write(data)));
  }
}
