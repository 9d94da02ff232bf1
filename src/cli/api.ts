/** The REST calls of the commands. */
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { EXIT, exitCodeOf, Failure } from './failure.js';

export interface GatewayAddress {
  readonly url: string;
  readonly token: string | undefined;
}

interface Call extends RequestInit {
  readonly query?: Record<string, string | undefined>;
  /** For requests that may be repeated: as often as this, where the gateway is busy or away. */
  readonly tries?: number;
}

const PAUSE_MS = 500;

/** @throws Failure with the gateway's own words */
export async function request(gateway: GatewayAddress, path: string, call: Call = {}): Promise<Response> {
  const { query = {}, tries = 1, ...init } = call;
  const address = new URL(path, gateway.url);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) address.searchParams.set(name, value);
  const headers = new Headers(init.headers);
  if (gateway.token) headers.set('Authorization', `Bearer ${gateway.token}`);
  for (let attempt = 1; ; attempt++) {
    try {
      // No gateway redirects: what another server says is nothing about a file.
      const response = await fetch(address, { ...init, headers, redirect: 'manual' });
      if (response.ok) return response;
      if (response.status < 400) throw noGateway(gateway.url);
      throw await refusalOf(response);
    } catch (error) {
      const failure = error instanceof Failure ? error : unreachable(gateway, error);
      if (failure.exitCode !== EXIT.unavailable || attempt >= tries) throw failure;
      await setTimeout(PAUSE_MS * 2 ** attempt);
    }
  }
}

/** The largest answers name the batches of a submission. What is larger comes from no gateway, and may be endless. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** @throws Failure where it is no answer of a gateway */
export async function answerOf<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
  const answer = schema.safeParse(await jsonOf(response));
  if (answer.success) return answer.data;
  throw noGateway(response.url);
}

export const noGateway = (url: string): Failure =>
  new Failure('unavailable', `what answers at ${url} is no gateway`, EXIT.unavailable);

/** Undefined: it is no JSON, or it broke off. */
async function jsonOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

const problemSchema = z.object({
  code: z.string().optional(),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

async function refusalOf(response: Response): Promise<Failure> {
  const problem = problemSchema.safeParse(await jsonOf(response)).data ?? {};
  const code = problem.code ?? 'unavailable';
  const fields = (problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`).join('; ');
  const message = fields || problem.detail || `the gateway answered ${response.status}`;
  return new Failure(
    code,
    message,
    exitCodeOf(code, [408, 429, 500, 502, 503, 504].includes(response.status)),
  );
}

export function unreachable(gateway: GatewayAddress, error: unknown): Failure {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  const why = cause?.code ?? cause?.message ?? message;
  return new Failure('unreachable', `no gateway answers at ${gateway.url} (${why})`, EXIT.unavailable);
}
