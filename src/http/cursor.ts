/** Cursors of lists: a position in a list as text that a caller hands back to get the next page. */
import type { z } from 'zod';
import { InvalidInput } from '../domain/invalid-input.js';

export const encodeCursor = (position: unknown): string =>
  Buffer.from(JSON.stringify(position)).toString('base64url');

/** @throws InvalidInput for a text that is no cursor of this kind of list */
export function decodeCursor<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  if (text === undefined) return null;
  const parsed = schema.safeParse(parse(text));
  if (!parsed.success) throw invalidCursor();
  return parsed.data;
}

export const invalidCursor = () =>
  new InvalidInput([{ field: 'cursor', message: 'must be a nextCursor of this list' }]);

function parse(text: string): unknown {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** The answer of a list that was read with one item more than its page has. `positionOf`: of an item, for the next page. */
export function pageAnswer<T>(
  found: readonly T[],
  limit: number,
  itemOf: (item: T) => unknown,
  positionOf: (item: T) => unknown,
): string {
  const { items, last } = pageOf(found, limit);
  return JSON.stringify({
    items: items.map(itemOf),
    nextCursor: last === null ? null : encodeCursor(positionOf(last)),
  });
}

/** A page of at most `limit` items, from a list read with one item more; `last` is null on the last page. */
export function pageOf<T>(items: readonly T[], limit: number): { items: readonly T[]; last: T | null } {
  return items.length > limit
    ? { items: items.slice(0, limit), last: items[limit - 1] ?? null }
    : { items, last: null };
}
