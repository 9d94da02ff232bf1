/** Posts a delivery to its receiver, once, and says what came of it. */
import { type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { DueDelivery } from '../store/webhooks.js';
import { addressInHost, ForbiddenAddress, isPublicAddress } from './public-addresses.js';
import { signedHeaders } from './signature.js';

export interface PostOptions {
  readonly timeoutMs: number;
  readonly allowPrivate: boolean;
  /** Refuses what `allowPrivate` does not allow. */
  readonly lookUp: LookupFunction;
}

/** Either the status of the answer, or why there is none: a code word, never a text of the receiver. */
export type PostResult =
  | { readonly status: number; readonly error: null }
  | { readonly status: null; readonly error: string };

/** Answers of 1xx come before the answer proper; a receiver that sends nothing else costs more than one that is silent. */
const MAX_INTERIM_ANSWERS = 16;

/** Redirects are not followed: an answer of 3xx is a failure like any other. Never rejects. */
export async function post(delivery: DueDelivery, options: PostOptions): Promise<PostResult> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    return { status: await statusOf(delivery, options, timeout), error: null };
  } catch (error) {
    return { status: null, error: timeout.aborted ? 'timeout' : reasonOf(error) };
  }
}

function statusOf(
  delivery: DueDelivery,
  { allowPrivate, lookUp }: PostOptions,
  signal: AbortSignal,
): Promise<number> {
  const { body } = delivery;
  const url = new URL(delivery.url);
  const address = addressInHost(url.hostname);
  if (!allowPrivate && address !== null && !isPublicAddress(address))
    throw new ForbiddenAddress('the address is not public');
  const options: RequestOptions = {
    method: 'POST',
    signal,
    agent: false,
    lookup: lookUp,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Verigate-Webhooks/1',
      ...signedHeaders(delivery, Date.now()),
    },
  };
  return new Promise((resolve, reject) => {
    const request: ClientRequest = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
    request.on('error', reject);
    // An answer that asks for another protocol ends the connection without an error.
    request.on('close', () => reject(new Error('the connection ended without an answer')));
    let interim = 0;
    request.on('information', () => {
      if (++interim > MAX_INTERIM_ANSWERS) request.destroy(new Error('too many interim answers'));
    });
    request.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      // The answer's text is of no use, however long it is.
      request.destroy();
    });
    request.end(body);
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenAddress) return 'forbidden_address';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code.toLowerCase() : 'connection_failed';
}
