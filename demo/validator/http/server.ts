/** The simulated validator's HTTP server: routing, bodies, listening and closing. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, BROKEN, Refusal, refusal, send } from './answer.js';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Route {
  readonly method: string;
  /** Matched against the path after the base path. */
  readonly path: RegExp;
  readonly answer: (call: Call, id: string) => Answer | Promise<Answer>;
}

/** The real validator has no limit. This one protects the memory of the machine it runs on. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

export function createApi(basePath: string, routes: readonly Route[]): Server {
  return createServer((request, response) => {
    answerTo(request, basePath, routes).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        // A caller that has disconnected gets no answer.
        if (!request.destroyed || request.complete)
          send(response, error instanceof Refusal ? error.answer : BROKEN);
      },
    );
  });
}

async function answerTo(
  request: IncomingMessage,
  basePath: string,
  routes: readonly Route[],
): Promise<Answer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const method = request.method ?? '';
  const body = await textOf(request);
  const rest = path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : '';
  const matching = routes.filter((route) => route.path.test(rest));
  if (matching.length === 0) throw refusal(404, 'Not Found');
  const route = matching.find((one) => one.method === method);
  if (route === undefined) {
    throw refusal(405, 'Method Not Allowed', { allow: matching.map((one) => one.method).join(', ') });
  }
  return route.answer(
    { method, path, headers: request.headers, body },
    idIn(route.path.exec(rest)?.[1] ?? ''),
  );
}

/** An invalid percent-encoding is kept as it is: no batch has such an id. */
function idIn(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw refusal(413, 'Request body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString();
}

/** @returns the URL @throws an error with the system's code if the port cannot be opened */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening');
  const { address, family, port: taken } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`;
}

export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
