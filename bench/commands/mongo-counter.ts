/** Counts the commands that a gateway sends to MongoDB: a proxy between the two that reads each message's command. */

import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { mongo } from 'mongoose';

/** Of the driver itself, whatever the gateway does. */
const OF_THE_DRIVER = new Set(['hello', 'ismaster', 'isMaster', 'ping', 'endSessions', 'buildInfo']);
const HEADER_BYTES = 16;
/** After the header, flags, and the kind of the first section: the section that holds the command. */
const COMMAND_AT = 21;
const OP_MSG = 2013;

export class MongoCounter {
  readonly #sockets = new Set<Socket>();
  #commands: string[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** `url`: of the database, with host and port. */
  static async before(url: string): Promise<MongoCounter> {
    const target = new URL(url);
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const own = new URL(url);
    own.port = String((server.address() as AddressInfo).port);
    const counter = new MongoCounter(server, own.href);
    server.on('connection', (client) => counter.#forward(client, Number(target.port)));
    return counter;
  }

  /** The commands since the last call, each as its name, its collection, the fields that it asks for, and whether it names an index. */
  take(): string[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  close(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(client: Socket, port: number): void {
    const server = dial(port, '127.0.0.1');
    const messages = new Messages((message) => this.#count(message));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => {
      messages.add(data);
      server.write(data);
    });
    server.pipe(client);
  }

  #count(message: Buffer): void {
    if (message.readInt32LE(12) !== OP_MSG) return;
    const command = mongo.BSON.deserialize(
      message.subarray(COMMAND_AT, COMMAND_AT + message.readInt32LE(COMMAND_AT)),
    );
    const [name = '', collection] = Object.entries(command)[0] ?? [];
    if (OF_THE_DRIVER.has(name)) return;
    const asked = Object.keys(command.filter ?? command.query ?? {});
    // The sweep of the outbox asks for the same field, without a hint.
    const hint = command.hint === undefined ? [] : ['with a hint'];
    this.#commands.push([name, collection, ...asked.sort(), ...hint].join(' '));
  }
}

/** Cuts a stream of bytes into messages, which begin with their length. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);
  /** What has come of a long message: joined once it is complete. */
  #parts: Buffer[] = [];
  #missing = 0;

  constructor(private readonly onMessage: (message: Buffer) => void) {}

  add(data: Buffer): void {
    this.#parts.push(data);
    this.#missing -= data.length;
    if (this.#missing > 0) return;
    this.#rest = Buffer.concat([this.#rest, ...this.#parts]);
    this.#parts = [];
    while (this.#rest.length >= HEADER_BYTES) {
      const length = this.#rest.readInt32LE(0);
      if (this.#rest.length < length) {
        this.#missing = length - this.#rest.length;
        return;
      }
      this.onMessage(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
    }
  }
}
