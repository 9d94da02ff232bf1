/** Refuses handshakes: by their origin, the number of connections, of connections from one address, and their rate. */

import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'socket.io';
import type { ClientIpOf } from '../client-ip.js';
import { isAllowed } from '../origins.js';
import { TokenBucket } from './throttling.js';

export interface ConnectionLimitOptions {
  readonly origins: readonly string[];
  readonly addressOf: ClientIpOf;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHandshakesPerSecond: number;
}

type Connection = Socket['conn'];

const RETRY_AFTER_S = 10;

export class ConnectionLimits {
  readonly #openByAddress = new Map<string, number>();
  readonly #handshakes: TokenBucket;

  constructor(private readonly options: ConnectionLimitOptions) {
    this.#handshakes = new TokenBucket(options.maxHandshakesPerSecond);
  }

  /** Why a handshake is refused, with the limit's name and when to try again; null: it is accepted. */
  refusalFor(request: IncomingMessage, connections: number): string | null {
    const { origins, addressOf, maxConnections, maxConnectionsPerAddress } = this.options;
    // Browsers apply no same-origin policy to WebSockets: any page could listen with its visitor's connection.
    if (!isAllowed(request.headers, origins)) return 'origin not allowed';
    if (connections >= maxConnections)
      return `MAX_CONNECTIONS: too many connections; retry in ${RETRY_AFTER_S} s`;
    if ((this.#openByAddress.get(addressOf(request)) ?? 0) >= maxConnectionsPerAddress)
      return `MAX_CONNECTIONS_PER_ADDRESS: too many connections from this address; retry in ${RETRY_AFTER_S} s`;
    if (!this.#handshakes.take()) return 'MAX_HANDSHAKES_PER_SECOND: too many handshakes; retry in 1 s';
    return null;
  }

  countConnections(engine: Server['engine']): void {
    // Noted when a connection opens: a closed one has no address any more.
    const addresses = new Map<Connection, string>();
    const openByAddress = this.#openByAddress;
    // One function for all connections, to save memory.
    const closed = function (this: Connection) {
      const address = addresses.get(this) ?? '';
      addresses.delete(this);
      const left = (openByAddress.get(address) ?? 1) - 1;
      if (left > 0) openByAddress.set(address, left);
      else openByAddress.delete(address);
    };
    engine.on('connection', (connection: Connection) => {
      const address = this.options.addressOf(connection.request);
      addresses.set(connection, address);
      openByAddress.set(address, (openByAddress.get(address) ?? 0) + 1);
      connection.on('close', closed);
    });
  }
}
