import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose';
import { Fault } from '../errors.js';

const TIMEOUT_MS = 5_000;
/** Keys are used for so long without being asked for again: what was taken back is trusted no longer than that. */
const MAX_AGE_MS = 600_000;
/** A token that names an unknown key makes them be fetched anew, once in this time at most. */
const COOLDOWN_MS = 30_000;
const MAX_BYTES = 256 * 1024;

/** What may be wrong with the token rather than with the keys. */
const TOKENS_FAULT = [
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSENotSupported,
  errors.JWSInvalid,
] as const;

/** The public keys at an address, fetched when they are needed. */
export function remoteKeys(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: TIMEOUT_MS,
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: COOLDOWN_MS,
    [customFetch]: fetchBounded,
  });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (TOKENS_FAULT.some((kind) => error instanceof kind)) throw error;
      throw new Fault('unavailable', 'the keys that tokens are checked by cannot be had now', {
        cause: error,
      });
    }
  };
}

/** An answer without an end must not fill the memory. */
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
