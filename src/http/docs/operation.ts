import type { z } from 'zod';
import type { ERRORS } from '../../errors.js';

type ErrorCode = keyof typeof ERRORS;

interface Answer {
  readonly status: number;
  readonly description: string;
  /** By media type; a text is a media type without a schema. */
  readonly content?: z.ZodType | readonly string[];
}

export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  /** With its parameters in braces. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** As OpenAPI has them. */
  readonly headers?: readonly object[];
  readonly body?: z.ZodType;
  readonly answers: readonly Answer[];
  /** Refusals of its own; `internal` and `unavailable` may come from anywhere. */
  readonly codes: readonly ErrorCode[];
}
