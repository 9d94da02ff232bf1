import type { z } from 'zod';
import { InvalidInput } from '../domain/invalid-input.js';

/** A place in a list, as text that a client only hands back. */
export function encodeCursor(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** @throws InvalidInput for a text that no list of this kind gave out */
export function decodeCursor<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  if (text === undefined) return null;
  const parsed = schema.safeParse(parse(text));
  if (!parsed.success) throw invalidCursor();
  return parsed.data;
}

export const invalidCursor = () =>
  new InvalidInput([{ field: 'cursor', message: 'must be a nextCursor that this list answered with' }]);

function parse(text: string): unknown {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** Splits what was read with one item too many: the extra one only tells that the list goes on. */
export function pageOf<T>(items: readonly T[], limit: number): { items: readonly T[]; last: T | null } {
  return items.length > limit
    ? { items: items.slice(0, limit), last: items[limit - 1] ?? null }
    : { items, last: null };
}
