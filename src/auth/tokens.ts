import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose';
import { Fault } from '../errors.js';
import { principalOf } from './claims.js';
import type { Principal } from './principal.js';
import { remoteKeys } from './remote-keys.js';

/** The part of the configuration that tokens are checked by: a secret, or the address of keys. */
export interface TokenConfig {
  readonly JWT_SECRET?: string | undefined;
  readonly JWKS_URL?: string | undefined;
  readonly JWT_ISSUER?: string | undefined;
  readonly JWT_AUDIENCE?: string | undefined;
}

/** Three parts, and nothing around them. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Longer ones are not looked at. */
const MAX_TOKEN_CHARS = 16_384;
/** Clocks differ a little: a token may be used this much before its time. It is never used after it. */
const CLOCK_SKEW_S = 5;

const unauthorized = (message: string) => new Fault('unauthorized', message, { challenge: 'invalid_token' });

export interface Tokens {
  /** @throws Fault `unauthorized`; `unavailable` where the keys cannot be had */
  verify(token: string): Promise<Principal>;
}

/**
 * Each kind of key has its algorithms, whatever a token says of itself: a public key never serves as a secret, and
 * `none` is no algorithm.
 */
export function createTokens({ JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE }: TokenConfig): Tokens {
  const secret = JWT_SECRET === undefined ? null : Buffer.from(JWT_SECRET);
  const key = secret ?? remoteKeys(new URL(JWKS_URL ?? ''));
  const options: JWTVerifyOptions = {
    algorithms: secret === null ? ['RS256', 'ES256', 'EdDSA'] : ['HS256'],
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_SKEW_S,
    ...(JWT_ISSUER === undefined ? {} : { issuer: JWT_ISSUER }),
    ...(JWT_AUDIENCE === undefined ? {} : { audience: JWT_AUDIENCE }),
  };
  return {
    async verify(token) {
      if (token.length > MAX_TOKEN_CHARS || !COMPACT.test(token))
        throw unauthorized('the token is not valid');
      const principal = principalOf(await claimsOf(token, key, options));
      if (principal === null) throw unauthorized('the token has claims of the wrong shape');
      if ((principal.expiresAt ?? 0) <= Date.now()) throw unauthorized(EXPIRED);
      return principal;
    },
  };
}

const EXPIRED = 'the token has expired';

async function claimsOf(
  token: string,
  key: Uint8Array | JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<unknown> {
  try {
    const { payload } = await (typeof key === 'function'
      ? jwtVerify(token, key, options)
      : jwtVerify(token, key, options));
    return payload;
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (error instanceof errors.JWTExpired) throw unauthorized(EXPIRED);
    // The claim's name is ours or the standard's; its value is not repeated.
    if (error instanceof errors.JWTClaimValidationFailed)
      throw unauthorized(`the token does not pass the check of "${error.claim}"`);
    throw unauthorized('the token is not valid');
  }
}
