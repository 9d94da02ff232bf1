import type { ServerResponse } from 'node:http';

/** What a call is answered with. A body that is text is sent as text. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `mute`: it is never sent; `torn`: only the first half of it. */
  readonly wire?: 'mute' | 'torn';
}

export const json = (body: unknown): Answer => ({ status: 200, body });

/** Ends the handling of a call with another answer than the one that was asked for. */
export class Refusal extends Error {
  constructor(readonly answer: Answer) {
    super(`answered with ${answer.status}`);
  }
}

export const refusal = (status: number, detail: unknown, headers: Record<string, string> = {}): Refusal =>
  new Refusal({ status, body: { detail }, headers });

/** What the real one says when something in it breaks. */
export const BROKEN: Answer = { status: 500, body: 'Internal Server Error' };

/** Writes the answer, or that it broke where the answer cannot be UTF-8. */
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
