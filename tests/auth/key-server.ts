import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JWK } from 'jose';
import { onTeardown } from '../support/teardown.js';

interface Answer {
  readonly status?: number;
  /** Bytes of white space in front of the keys. */
  readonly padding?: number;
  readonly location?: string;
  /** In place of the keys. */
  readonly text?: string;
}

/** Publishes keys, on a free port, until the test is over. */
export async function keyServer(
  keys: readonly JWK[],
  { status = 200, padding = 0, location, text = JSON.stringify({ keys }) }: Answer = {},
): Promise<{ url: string; asked(): number }> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(location === undefined ? {} : { location }),
    });
    response.end(' '.repeat(padding) + text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`, asked: () => asked };
}
