/** Handles the requests of a connection one after the other, whatever its client sends without waiting for answers. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Connections whose next request would be one too many. */
const full = new WeakSet<Socket>();

/** Whether a request is one too many of those that wait on its connection. */
export const isOneTooMany = ({ socket }: IncomingMessage): boolean => full.has(socket);

interface MaxWaiting {
  /** On one connection. */
  readonly ofConnection: number;
  /** On all of them: beyond it a connection has one that waits. Each takes some kilobytes. */
  readonly ofAll: number;
}

/**
 * Node.js begins all requests that have come on a connection at once, however many: a few connections with some megabytes of
 * short requests would hold the event loop for seconds. And a response whose connection closes before its turn never
 * closes, so what counts open requests would count it for ever.
 */
export function oneAtATime(handle: Handle, { ofConnection, ofAll }: MaxWaiting): Handle {
  const waiting = new WeakMap<Socket, number>();
  let all = 0;
  const add = (tcp: Socket, amount: number) => {
    const count = (waiting.get(tcp) ?? 0) + amount;
    waiting.set(tcp, count);
    all += amount;
    if (count > 0 && (count >= ofConnection || all >= ofAll)) full.add(tcp);
    else full.delete(tcp);
  };
  return (request, response) => {
    const tcp = request.socket;
    // Node.js gives a response its connection once all answers before it are sent.
    if (response.socket !== null) return handle(request, response);
    // Those of a connection that has closed were given back.
    if (tcp.destroyed) return;
    if (full.has(tcp)) {
      tcp.destroy();
      return;
    }
    if (!waiting.has(tcp)) tcp.once('close', () => add(tcp, -(waiting.get(tcp) ?? 0)));
    add(tcp, 1);
    response.once('socket', () => {
      add(tcp, -1);
      // Others have their turns in between.
      setImmediate(() => tcp.destroyed || handle(request, response));
    });
  };
}
