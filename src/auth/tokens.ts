/** Verifies JSON Web Tokens and reads their claims. */

import { errors, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose';
import { z } from 'zod';
import { idSchema } from '../domain/schemas.js';
import { Fault } from '../errors.js';
import { isTooDeep } from '../json/scan.js';
import { type Principal, SCOPES, type Scope } from './principal.js';
import { remoteKeys } from './remote-keys.js';

/** Either a secret or the URL of published keys is set. */
interface TokenConfig {
  readonly JWT_SECRET?: string | undefined;
  readonly JWKS_URL?: string | undefined;
  readonly JWT_ISSUER?: string | undefined;
  readonly JWT_AUDIENCE?: string | undefined;
}

/** The compact serialization: three parts, and nothing around them. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Longer tokens are refused unread. */
const MAX_TOKEN_CHARS = 16_384;
/** Clocks differ: a token is accepted this long before its `nbf` and its `iat`. It is never accepted after its `exp`. */
const CLOCK_SKEW_S = 5;
/** The last moment that a `Date` can represent. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** A claim of the wrong type is refused: guessing what was meant could show a file to the wrong user. */
const claimsSchema = z.object({
  sub: idSchema,
  exp: z.number(),
  iat: z.number().optional(),
  files: z.union([z.literal('*'), z.array(idSchema)]).optional(),
  scope: z.string().optional(),
});

const unauthorized = (message: string) => new Fault('unauthorized', message, { challenge: 'invalid_token' });

export interface Tokens {
  /** @throws Fault `unauthorized`; `unavailable` where the keys cannot be fetched */
  verify(token: string): Promise<Principal>;
}

/**
 * The configured key decides which algorithms are accepted, never the token's header: else a public key could be used
 * as an HMAC secret, or `none` as an algorithm.
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
      if (!isShallow(token)) throw unauthorized('the token is not valid');
      const principal = principalOf(await claimsOf(token, key, options));
      if (principal === null) throw unauthorized('the token has claims of the wrong shape');
      if ((principal.expiresAt ?? 0) <= Date.now()) throw unauthorized(EXPIRED);
      // Issued before a revocation and dated behind it, it would outlive it.
      if ((principal.issuedAt ?? 0) > Date.now() + CLOCK_SKEW_S * 1000) throw unauthorized(failed('iat'));
      return principal;
    },
  };
}

/** The header is read before the signature is verified. */
const isShallow = (token: string): boolean =>
  token.split('.', 2).every((part) => !isTooDeep(Buffer.from(part, 'base64url')));

const EXPIRED = 'the token has expired';
const failed = (claim: string) => `the token does not pass the check of "${claim}"`;

/** Null: the claims are not of the required shape. */
function principalOf(claims: unknown): Principal | null {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) return null;
  const { sub, exp, iat, files = [], scope = '' } = parsed.data;
  const granted = new Set(scope.split(' '));
  return {
    sub,
    files: files === '*' ? '*' : new Set(files),
    scopes: new Set<Scope>(SCOPES.filter((known) => granted.has(known))),
    issuedAt: iat === undefined ? null : iat * 1000,
    expiresAt: Math.min(exp * 1000, MAX_TIME_MS),
  };
}

/** Keys of one name, or without one, that a token is checked with: each costs time before the caller is known. */
const MAX_KEYS_OF_A_NAME = 8;

async function payloadOf(
  token: string,
  key: Uint8Array | JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<unknown> {
  if (typeof key !== 'function') return (await jwtVerify(token, key, options)).payload;
  try {
    return (await jwtVerify(token, key, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let left = MAX_KEYS_OF_A_NAME;
    for await (const one of error) {
      if (left-- === 0) break;
      try {
        return (await jwtVerify(token, one, options)).payload;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw error;
  }
}

async function claimsOf(
  token: string,
  key: Uint8Array | JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<unknown> {
  try {
    return await payloadOf(token, key, options);
  } catch (error) {
    if (error instanceof Fault) throw error;
    if (error instanceof errors.JWTExpired) throw unauthorized(EXPIRED);
    // The claim's name is safe to repeat; its value is not.
    if (error instanceof errors.JWTClaimValidationFailed) throw unauthorized(failed(error.claim));
    throw unauthorized('the token is not valid');
  }
}
