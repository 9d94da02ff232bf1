import type { Request } from 'express';
import { InvalidInput } from '../domain/invalid-input.js';
import { fieldErrors, idSchema } from '../domain/schemas.js';

/** An id from the path, decoded. @throws InvalidInput naming it */
export function idIn(req: Request, field: 'fileId' | 'batchId' | 'id'): string {
  const parsed = idSchema.safeParse(req.params[field]);
  if (parsed.success) return parsed.data;
  throw new InvalidInput(fieldErrors(parsed.error).map(({ message }) => ({ field, message })));
}
