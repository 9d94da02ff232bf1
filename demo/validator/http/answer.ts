/** Answers of the simulated validator's HTTP API, and how they are written. */
import type { ServerResponse } from 'node:http';

/** A text body is sent as text, any other as JSON. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `mute`: the answer is never sent; `torn`: only its first half is. */
  readonly wire?: 'mute' | 'torn';
}

export const json = (body: unknown): Answer => ({ status: 200, body });

/** Thrown to end the handling of a call with an error answer. */
export class Refusal extends Error {
  constructor(readonly answer: Answer) {
    super(`answered with ${answer.status}`);
  }
}

export const refusal = (status: number, detail: unknown, headers: Record<string, string> = {}): Refusal =>
  new Refusal({ status, body: { detail }, headers });

/** The real validator's answer to an internal error. */
export const BROKEN: Answer = { status: 500, body: 'Internal Server Error' };

/** Writes the answer. One that cannot be encoded as UTF-8 is an internal error, as in the real validator. */
export function send(response: ServerResponse, answer: Answer): void {
  if (answer.wire === 'mute') return;
  const { status, body, headers, wire } = isEncodable(answer.body) ? answer : BROKEN;
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  const bytes = Buffer.from(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
  if (wire === 'torn') {
    response.writeHead(status, { 'content-type': type, 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    return;
  }
  response
    .writeHead(status, {
      ...(body !== undefined && { 'content-type': type }),
      'content-length': bytes.length,
      ...headers,
    })
    .end(bytes);
}

export function isEncodable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every(isEncodable);
}
