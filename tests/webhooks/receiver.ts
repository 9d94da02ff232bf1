/** A receiver of webhooks, as a customer runs one: it checks signatures with the specification's own library. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { onTeardown } from '../support/teardown.js';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The status of the next answers; null: it does not answer. */
  status: number | null;
  /** The bodies, verified. @throws where one was not signed with this secret */
  verified(secret: string): { type: string; timestamp: string; data: Record<string, unknown> }[];
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      received.push({ headers: req.headers, body: Buffer.concat(chunks).toString() });
      if (receiver.status === null) return;
      res.statusCode = receiver.status;
      if (receiver.status === 302) res.setHeader('location', '/elsewhere');
      res.end('some text '.repeat(10_000));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    status: 204,
    verified: (secret) =>
      received.map(
        ({ body, headers }) =>
          new Webhook(secret).verify(body, headers as Record<string, string>) as ReturnType<
            Receiver['verified']
          >[number],
      ),
  };
  return receiver;
}
