/** Fetches and caches the public keys (JWKS) that verify tokens. */

import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  importJWK,
  type JWK,
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

/**
 * Bounded, so that an endless response cannot fill the memory. Only with the keys that can be used: one that is broken costs no
 * other.
 */
const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error('the key set is too large');
    chunks.push(chunk);
  }
  const { status } = response;
  return new Response(status === 200 ? await usableKeys(Buffer.concat(chunks).toString()) : null, { status });
};

/** @throws where the text is no JSON */
async function usableKeys(text: string): Promise<string> {
  const set = JSON.parse(text) as { readonly keys?: unknown } | null;
  // The library says what is wrong with it.
  if (!Array.isArray(set?.keys)) return text;
  const keys: unknown[] = [];
  for (const key of set.keys) if (await isUsable(key)) keys.push(key);
  return JSON.stringify({ keys });
}

/** By type of key, the algorithm that it is for, where it does not say one. */
const ALGORITHMS: Readonly<Record<string, string>> = { RSA: 'RS256', EC: 'ES256', OKP: 'EdDSA' };

async function isUsable(key: unknown): Promise<boolean> {
  try {
    const { alg, kty } = key as JWK;
    await importJWK(key as JWK, alg ?? ALGORITHMS[String(kty)]);
    return true;
  } catch {
    return false;
  }
}
