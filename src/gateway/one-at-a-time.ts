/** Handles the requests of a connection one after the other, whatever its client sends without waiting for answers. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Node.js begins all requests that have come on a connection at once, however many: a few connections with some megabytes of
 * short requests would hold the event loop for seconds. And a response whose connection closes before its turn never
 * closes, so what counts open requests would count it for ever.
 */
export function oneAtATime(handle: Handle, maxWaiting: number): Handle {
  const waiting = new WeakMap<Socket, number>();
  return (request, response) => {
    const tcp = request.socket;
    // Node.js gives a response its connection once all answers before it are sent.
    if (response.socket !== null) return handle(request, response);
    const count = (waiting.get(tcp) ?? 0) + 1;
    if (count > maxWaiting) {
      tcp.destroy();
      return;
    }
    waiting.set(tcp, count);
    response.once('socket', () => {
      waiting.set(tcp, (waiting.get(tcp) ?? 1) - 1);
      // Others have their turns in between.
      setImmediate(() => tcp.destroyed || handle(request, response));
    });
  };
}
