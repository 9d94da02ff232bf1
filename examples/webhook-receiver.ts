/**
 * Receives webhooks, and prints those that the gateway has signed. In a folder of your own:
 *
 *     npm install standardwebhooks
 *     WEBHOOK_SECRET=whsec_… PORT=4000 node webhook-receiver.js
 *
 * `npm run build` makes dist/examples/webhook-receiver.js of it. A gateway posts to https alone, and to public addresses,
 * unless it has WEBHOOKS_ALLOW_PRIVATE=true.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { Webhook } from 'standardwebhooks';

interface Event {
  readonly type: string;
  readonly data: { readonly fileId: string; readonly revision?: number };
}

const { WEBHOOK_SECRET, PORT = '4000' } = process.env;
if (WEBHOOK_SECRET === undefined) {
  process.stderr.write('WEBHOOK_SECRET: is not set; POST /api/webhooks answers with it\n');
  process.exit(78);
}
const webhook = new Webhook(WEBHOOK_SECRET);

/** The signature is of the bytes as they came: never of JSON that was parsed and written again. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

const server = createServer(async (request, response) => {
  try {
    const { type, data } = webhook.verify(
      await bodyOf(request),
      request.headers as Record<string, string>,
    ) as Event;
    // At least once: the same webhook-id may come again. What takes longer than 15 s is done after the answer.
    process.stdout.write(`${request.headers['webhook-id']} ${type} ${data.fileId}\n`);
    response.writeHead(204).end();
  } catch {
    response.writeHead(401).end();
  }
});
server.listen(Number(PORT), () => {
  const { port } = server.address() as { port: number };
  process.stderr.write(`listening on ${port}\n`);
});
