/** The shapes that the schemas of several answers share. */

import { z } from 'zod';
import { recordOf } from '../../../domain/record-of.js';

export const count = z.number().int().min(0);
export const time = z.iso.datetime();
export const entries = <K extends string, T extends z.ZodType>(keys: readonly K[], schema: T) =>
  z.object(recordOf(keys, () => schema));

export const nextCursor = z.string().nullable().describe('null: this was the last page');
/** An object, in practice: it is stored as it came, and PHP writes an empty one as a list. */
export const details = z
  .custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null)
  .meta({
    anyOf: [
      { type: 'object', additionalProperties: {} },
      { type: 'array', items: {} },
    ],
  });
