/** Refuses handshakes: by protocol and origin, while the gateway stops, and by the number and rate of connections. */

import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'socket.io';
import type { ClientIpOf } from '../client-ip.js';
import { Fault } from '../errors.js';
import { isAllowed } from '../origins.js';
import { TokenBucket } from './throttling.js';

export interface ConnectionLimitOptions {
  readonly origins: readonly string[];
  readonly addressOf: ClientIpOf;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHandshakesPerSecond: number;
  /** The gateway is about to close: its listeners are being sent to others. */
  readonly isDraining: () => boolean;
}

type Connection = Socket['conn'];

const RETRY_AFTER_S = 10;

export class ConnectionLimits {
  readonly #openByAddress = new Map<string, number>();
  readonly #handshakes: TokenBucket;

  constructor(private readonly options: ConnectionLimitOptions) {
    this.#handshakes = new TokenBucket(options.maxHandshakesPerSecond);
  }

  /** Why a handshake is refused; null: it is accepted. */
  refusalFor(request: IncomingMessage, connections: number): Fault | null {
    const { origins, addressOf, maxConnections, maxConnectionsPerAddress, isDraining } = this.options;
    const query = queryOf(request);
    if (query.getAll('EIO').at(-1) !== PROTOCOL) return new Fault('invalid_request', OTHER_PROTOCOL);
    if (query.has('j')) return new Fault('invalid_request', NO_JSONP);
    // Browsers apply no same-origin policy to WebSockets: any page could listen with its visitor's connection.
    if (!isAllowed(request.headers, origins))
      return new Fault('forbidden', 'CORS_ORIGINS does not list this origin');
    if (isDraining()) return busy('unavailable', 'the gateway is stopping: connect to another', 1);
    if (connections >= maxConnections)
      return busy('unavailable', 'MAX_CONNECTIONS: too many connections', RETRY_AFTER_S);
    if ((this.#openByAddress.get(addressOf(request)) ?? 0) >= maxConnectionsPerAddress) {
      return busy(
        'rate_limited',
        'MAX_CONNECTIONS_PER_ADDRESS: too many connections from this address',
        RETRY_AFTER_S,
      );
    }
    if (!this.#handshakes.take())
      return busy('rate_limited', 'MAX_HANDSHAKES_PER_SECOND: too many handshakes', 1);
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

/** The revision of Engine.IO that Socket.IO 3 and 4 speak. Socket.IO 2 and older speak 3, or name none. */
const PROTOCOL = '4';
const OTHER_PROTOCOL =
  'EIO: must be 4: the gateway speaks the protocol of Socket.IO 3 and 4, and older clients have to be upgraded';

/** By JSONP any page could listen, and a browser may send no header that says which page it is. No client since 2020 asks for it. */
const NO_JSONP = 'j: JSONP is not supported';

const queryOf = ({ url = '' }: IncomingMessage): URLSearchParams =>
  new URLSearchParams(url.slice(url.indexOf('?') + 1));

const busy = (code: 'unavailable' | 'rate_limited', message: string, retryAfterSeconds: number): Fault =>
  new Fault(code, `${message}; retry in ${retryAfterSeconds} s`, { retryAfterSeconds });
