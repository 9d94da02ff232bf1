import { z } from 'zod';
import { idSchema } from '../domain/schemas.js';
import { type Principal, SCOPES, type Scope } from './principal.js';

/** The last moment that a date can name. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/** Claims of a token whose signature holds. A wrong shape is refused: a guess could show somebody too much. */
const claimsSchema = z.object({
  sub: idSchema,
  exp: z.number(),
  files: z.union([z.literal('*'), z.array(idSchema)]).optional(),
  scope: z.string().optional(),
});

/** Null: they are not of the shape that they have to be. */
export function principalOf(claims: unknown): Principal | null {
  const parsed = claimsSchema.safeParse(claims);
  if (!parsed.success) return null;
  const { sub, exp, files = [], scope = '' } = parsed.data;
  const words = new Set(scope.split(' '));
  return {
    sub,
    files: files === '*' ? '*' : new Set(files),
    scopes: new Set<Scope>(SCOPES.filter((known) => words.has(known))),
    expiresAt: Math.min(exp * 1000, MAX_TIME_MS),
  };
}
