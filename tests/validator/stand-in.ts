import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { createValidator, type Validator, type ValidatorConfig } from '../../src/validator/validator.js';
import { onTeardown } from '../support/teardown.js';

export interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface StandIn {
  readonly url: string;
  /** Every request, as it came. */
  readonly seen: Seen[];
  /** Fulfilled when the next request is there. */
  next(): Promise<Seen>;
}

type Respond = (response: ServerResponse, seen: Seen) => void;

/** A server in the validator's place, with scripted answers. */
export async function standIn(respond: Respond): Promise<StandIn> {
  const seen: Seen[] = [];
  const waiting: ((seen: Seen) => void)[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const request = {
        method: req.method,
        url: req.url,
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      };
      seen.push(request);
      for (const resolve of waiting.splice(0)) resolve(request);
      respond(res, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/api/v1`,
    seen,
    next: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** The client of a gateway, for a server in the validator's place. */
export function validatorAt(
  { url }: Pick<StandIn, 'url'>,
  config: Partial<ValidatorConfig> = {},
  logger = pino({ level: 'silent' }),
): Validator {
  const settings = {
    VALIDATOR_URL: url,
    VALIDATOR_API_KEY: 'k',
    VALIDATOR_USER_ID: 'verigate',
    VALIDATOR_TIMEOUT_MS: 30_000,
    VALIDATOR_MAX_FAILURES: 5,
    VALIDATOR_PAUSE_MS: 10_000,
    MAX_UPDATE_BYTES: 1024 * 1024,
    ...config,
  };
  const validator = createValidator(settings, logger);
  if (validator === null) throw new Error('no validator');
  return validator;
}

/** Answers every request alike. */
export const always =
  (status: number, body: unknown, headers: Record<string, string> = {}): Respond =>
  (response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  };

/** Accepts every list as one batch, which is never worked on. */
export const accepting =
  (nextBatchId: () => string): Respond =>
  (response, seen) => {
    const { emails } = JSON.parse(seen.body) as { emails: string[] };
    const batch = { batchId: nextBatchId(), status: 'pending', totalEmails: emails.length };
    always(200, { ...batch, processedEmails: 0, results: null })(response, seen);
  };
