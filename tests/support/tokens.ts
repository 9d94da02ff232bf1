/** Signed tokens, and the settings of a gateway that requires them. */
import { type JWTPayload, SignJWT } from 'jose';

export const SECRET = 'a secret of more than thirty-two bytes, for tests alone';

/** A valid token for one hour. The claims override the defaults; undefined leaves a claim out. */
export function tokenOf(claims: Record<string, unknown>, secret = SECRET): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const entries = Object.entries({ exp, ...claims }).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(entries) as JWTPayload)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
}

/** Settings of a gateway that requires tokens. */
export const JWT = { AUTH: 'jwt', JWT_SECRET: SECRET };
