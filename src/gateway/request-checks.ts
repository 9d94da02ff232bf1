/** What is answered before Express and Socket.IO see a request: other hosts, and what the HTTP parser cannot read. */

import { type Server as HttpServer, IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ErrorCode, Fault } from '../errors.js';
import { TurnLimit } from '../portions.js';
import { endWithProblem, sendProblem } from '../problem.js';
import { joinChunks } from './join-chunks.js';
import { isOneTooMany, oneAtATime } from './one-at-a-time.js';

const SOCKET_PATH = '/socket.io/';

/** A browser behind two proxies sends some thirty. Each costs time and memory before the caller is known. */
const MAX_HEADERS = 100;
/** Requests that wait on all connections for the ones before them, in those that may wait on one. */
const FULL_CONNECTIONS = 50;

const isUpgrade = Symbol('isUpgrade');
const endsConnection = Symbol('endsConnection');

/**
 * A request as Node.js makes it, for which only a WebSocket of Socket.IO counts as an upgrade. Clients that ask for another
 * protocol (`h2c`: the HTTP client of the JDK, `curl --http2`) are answered in HTTP/1.1, as RFC 9110 wants it; Node.js
 * would hand all of them to the listener for upgrades, without their bodies. A request that is refused with its connection counts
 * as one, too: Node.js reads nothing behind it, where there may be thousands more in one piece.
 */
export class GatewayRequest extends IncomingMessage {
  declare [isUpgrade]: boolean | null;
  declare [endsConnection]: boolean | undefined;

  /** Set by Node.js to what the headers ask for. */
  set upgrade(asked: boolean | null) {
    this[isUpgrade] = asked;
  }

  get upgrade(): boolean {
    // Read by Node.js before the request is begun, and again behind what came in one piece with it.
    this[endsConnection] ??= isOneTooMany(this) || headersRefusal(this) !== null;
    if (this[endsConnection]) return true;
    if (this[isUpgrade] !== true) return false;
    const { method, url, headers } = this;
    const protocols = (headers.upgrade ?? '').toLowerCase().split(',');
    return (
      method === 'GET' &&
      (url ?? '').startsWith(SOCKET_PATH) &&
      protocols.some((protocol) => protocol.trim() === 'websocket')
    );
  }
}

type Check = (request: IncomingMessage) => Fault | null;

interface RequestChecks {
  readonly check: Check;
  readonly refused: (fault: Fault) => void;
  /** Requests of one connection that wait for the one before them, at most: it is closed if there are more. */
  readonly maxPipelined: number;
}

/** Of Node.js: the answer that is being written on a connection. */
interface ConnectionInternals {
  readonly _httpMessage?: { readonly headersSent?: boolean } | null;
}

/** Call it after all other listeners are added: a refused request reaches none of them. */
export function checkRequests(http: HttpServer, { check, refused, maxPipelined }: RequestChecks): void {
  // Node.js drops those that come behind so many: the last one tells that there are more.
  http.maxHeadersCount = MAX_HEADERS + 1;
  const onRequest = http.listeners('request') as ((...args: [IncomingMessage, ServerResponse]) => void)[];
  const onUpgrade = http.listeners('upgrade') as ((...args: [IncomingMessage, Duplex, Buffer]) => void)[];
  http.removeAllListeners('request').removeAllListeners('upgrade');
  const handleInTurn = oneAtATime(
    (request, response) => {
      const fault = check(request) ?? tunnelRefusal(request);
      if (fault === null) {
        for (const listener of onRequest) listener.call(http, request, response);
        return;
      }
      refused(fault);
      sendProblem(response, fault);
    },
    { ofConnection: maxPipelined, ofAll: FULL_CONNECTIONS * maxPipelined },
  );
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    // Some of its body comes before its turn.
    joinChunks(request);
    handleInTurn(request, response);
  };
  http.on('request', handle);
  // A server may ignore an expectation that it does not know; Node.js would answer 417 without a body.
  http.on('checkExpectation', handle);
  http.on('upgrade', (request: IncomingMessage, tcp: Duplex & ConnectionInternals, head: Buffer) => {
    // What comes before it on the connection has to be answered before it, and nothing of HTTP may follow it.
    if (tcp._httpMessage != null) {
      tcp.destroy();
      return;
    }
    const fault = headersRefusal(request) ?? check(request);
    if (fault === null) {
      for (const listener of onUpgrade) listener.call(http, request, tcp, head);
      return;
    }
    refused(fault);
    endWithProblem(tcp, fault);
  });
  answerUnreadable(http);
}

/** A request whose last headers were dropped is not the one that was sent. */
const headersRefusal = ({ rawHeaders }: IncomingMessage): Fault | null =>
  rawHeaders.length > 2 * MAX_HEADERS
    ? new Fault('headers_too_large', `a request has at most ${MAX_HEADERS} headers`)
    : null;

/** The target of a CONNECT is a host and a port, which Express answers with a page of its own. */
const tunnelRefusal = ({ method }: IncomingMessage): Fault | null =>
  method === 'CONNECT'
    ? new Fault('method_not_allowed', 'the gateway is no proxy', { allow: ['GET', 'HEAD', 'POST', 'DELETE'] })
    : null;

const UNREADABLE: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'MAX_HEADER_BYTES: the head of the request is too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['payload_too_large', 'the chunk extensions of the body are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [
    'request_timeout',
    'HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS: the request was not complete in time',
  ],
};

/** All connections that a client has opened at once run out of their time at once: they are answered so many in a turn. */
const TIMEOUTS_PER_TURN = 50;

/** Requests that the HTTP parser refuses get an answer like any other. */
function answerUnreadable(http: HttpServer): void {
  const answered = new WeakSet<Duplex>();
  const timeouts = new TurnLimit(TIMEOUTS_PER_TURN);
  const answer = ({ code: kind = '' }: NodeJS.ErrnoException, tcp: Socket & ConnectionInternals) => {
    // More of the same request: the parser refuses each piece of it.
    if (answered.has(tcp)) return;
    answered.add(tcp);
    if (kind === 'ECONNRESET' || !tcp.writable || tcp._httpMessage?.headersSent === true) {
      tcp.destroy();
      return;
    }
    const [code, message] = UNREADABLE[kind] ?? ['invalid_request', 'the request is not valid HTTP'];
    endWithProblem(tcp, new Fault(code, message));
  };
  http.on('clientError', (error: NodeJS.ErrnoException, tcp: Socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') void timeouts.wait().then(() => answer(error, tcp));
    else answer(error, tcp);
  });
}
