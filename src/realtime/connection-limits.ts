import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'socket.io';
import type { ClientIpOf } from '../client-ip.js';
import { isAllowed } from '../origins.js';
import { TokenBucket } from './token-bucket.js';

export interface ConnectionLimitOptions {
  readonly origins: readonly string[];
  readonly addressOf: ClientIpOf;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHandshakesPerSecond: number;
}

type Engine = Server['engine'];
type Connection = Socket['conn'];

/** Decides whose handshake is looked at. A refusal names the limit, and when it is worth to come back. */
export class ConnectionLimits {
  readonly #open = new Map<string, number>();
  readonly #handshakes: TokenBucket;

  constructor(private readonly options: ConnectionLimitOptions) {
    this.#handshakes = new TokenBucket(options.maxHandshakesPerSecond);
  }

  /** Null: come in. */
  refusalOf(request: IncomingMessage, connections: number): string | null {
    const { origins, addressOf, maxConnections, maxConnectionsPerAddress } = this.options;
    // WebSockets know no same-origin policy: without this any page that somebody visits could listen through them.
    if (!isAllowed(request.headers, origins)) return 'origin not allowed';
    if (connections >= maxConnections)
      return `MAX_CONNECTIONS: too many connections; come back in ${LATER_S} s`;
    if ((this.#open.get(addressOf(request)) ?? 0) >= maxConnectionsPerAddress)
      return `MAX_CONNECTIONS_PER_ADDRESS: too many connections from this address; come back in ${LATER_S} s`;
    if (!this.#handshakes.take()) return 'MAX_HANDSHAKES_PER_SECOND: too many handshakes; come back in 1 s';
    return null;
  }

  /** Counts the connections of each address. */
  watch(engine: Engine): void {
    // Asked at the beginning: a connection that has ended knows no address any more.
    const addresses = new Map<Connection, string>();
    const open = this.#open;
    // One for all connections.
    const closed = function (this: Connection) {
      const address = addresses.get(this) ?? '';
      addresses.delete(this);
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    };
    engine.on('connection', (connection: Connection) => {
      const address = this.options.addressOf(connection.request);
      addresses.set(connection, address);
      open.set(address, (open.get(address) ?? 0) + 1);
      connection.on('close', closed);
    });
  }
}

const LATER_S = 10;
