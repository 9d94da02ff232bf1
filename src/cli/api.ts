/** The REST calls of the commands. */
import { setTimeout } from 'node:timers/promises';
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
      const response = await fetch(address, { ...init, headers });
      if (response.ok) return response;
      throw await refusalOf(response);
    } catch (error) {
      const failure = error instanceof Failure ? error : unreachable(gateway, error);
      if (failure.exitCode !== EXIT.unavailable || attempt >= tries) throw failure;
      await setTimeout(PAUSE_MS * 2 ** attempt);
    }
  }
}

async function refusalOf(response: Response): Promise<Failure> {
  const problem = (await response.json().catch(() => ({}))) as {
    code?: string;
    detail?: string;
    errors?: { field: string; message: string }[];
  };
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
