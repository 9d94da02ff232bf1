/** A server in the validator's place that accepts slices, and stops at a point of a submission until a test has done something. */
import { type StandIn, standIn } from '../validator/stand-in.js';

/** Where the validator stops: after it has accepted a slice and before its answer, before it has accepted it, or after its answer. */
export const POINTS = ['accepted', 'received', 'answered'] as const;
export type Point = (typeof POINTS)[number];

export interface SliceValidator extends Pick<StandIn, 'url' | 'seen'> {
  /** The addresses of each slice that it has accepted, in order. */
  readonly accepted: string[][];
  /** The n-th request from now on stops at this point. Fulfilled once it is there; its connection stays open and silent. */
  stopAt(point: Point, n?: number): Promise<void>;
}

export async function sliceValidator(): Promise<SliceValidator> {
  const accepted: string[][] = [];
  let stop: { readonly point: Point; readonly at: number; readonly reached: () => void } | null = null;
  const { url, seen } = await standIn((response, { body }) => {
    const stopping = stop !== null && seen.length === stop.at ? stop : null;
    if (stopping?.point === 'received') return stopping.reached();
    const { emails } = JSON.parse(body) as { emails: string[] };
    const number = accepted.push(emails);
    if (stopping?.point === 'accepted') return stopping.reached();
    const answer = { requestId: `r${number}`, batchIds: [`r${number}-b1`, `r${number}-b2`] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer), () => {
      stopping?.reached();
    });
  });
  return {
    url,
    seen,
    accepted,
    stopAt: (point, n = 1) =>
      new Promise((reached) => {
        stop = { point, at: seen.length + n, reached };
      }),
  };
}

/** Short times, so that a submission goes on soon. */
export const SOON = {
  VALIDATOR_SLICE: '10',
  SUBMISSION_LEASE_MS: '500',
  SUBMISSION_RETRY_MS: '20',
  SUBMISSION_MAX_RETRY_MS: '200',
  FLUSH_INTERVAL_MS: '20',
};

export const emailsOf = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `u${from + i}@x.com`);

// biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked into freely here
type Json = any;

export async function ask(url: string, method: string, path: string, body?: unknown, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: text }),
  });
  return { status: response.status, json: (await response.json()) as Json };
}

/** Uploads a list of this many addresses, and submits it as the file `f`. The answer may never come. */
export async function submitList(url: string, count: number, more: object = {}): Promise<Promise<unknown>> {
  const { json } = await ask(url, 'POST', '/lists?name=a.csv', emailsOf(count).join('\n'));
  return ask(url, 'POST', '/files/f/validations', { listId: json.listId, ...more }).catch(() => undefined);
}
