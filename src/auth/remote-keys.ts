/** Fetches and caches the public keys (JWKS) that verify tokens. */

import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose';
import { Fault } from '../errors.js';

const TIMEOUT_MS = 5_000;
/** How long fetched keys are used: a key that its issuer has withdrawn is trusted no longer than this. */
const MAX_AGE_MS = 600_000;
/** A token with an unknown key id causes another fetch, at most once in this time. */
const COOLDOWN_MS = 30_000;
/** After a failed fetch the next one waits for this long. Each request with a token would make one otherwise. */
const PAUSE_MS = 1_000;
const MAX_BYTES = 256 * 1024;

/** Errors that the token causes, not the keys. */
const TOKEN_ERRORS = [
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSENotSupported,
  errors.JWSInvalid,
] as const;

/** @throws Fault (when called) `unavailable` where the keys cannot be fetched */
export function remoteKeys(url: URL): JWTVerifyGetKey {
  let failedAt = Number.NEGATIVE_INFINITY;
  const isPaused = () => performance.now() - failedAt < PAUSE_MS;
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: TIMEOUT_MS,
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    [customFetch]: async (url, options) => {
      if (isPaused()) throw new Error('the last fetch failed just now');
      return fetchBounded(url, options);
    },
  });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (TOKEN_ERRORS.some((kind) => error instanceof kind)) throw error;
      if (!isPaused()) failedAt = performance.now();
      throw new Fault('unavailable', 'the keys that verify tokens cannot be fetched now', { cause: error });
    }
  };
}

/** Bounded, so that an endless response cannot fill the memory. */
const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error('the key set is too large');
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: response.status, headers: response.headers });
};
