/** One operation of the REST surface: what its OpenAPI description is made from. */
import type { z } from 'zod';
import type { ErrorCode } from '../../errors.js';

export interface Answer {
  readonly status: number;
  readonly description: string;
  /** The schema of a JSON answer, or the media types of another one. */
  readonly content?: z.ZodType | readonly string[];
  /** Its own headers, with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  /** Its parameters are in braces. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** OpenAPI header parameters. */
  readonly headers?: readonly object[];
  /** The schema of a JSON body. */
  readonly body?: z.ZodType;
  /** The media types of a body that is taken as it is. */
  readonly rawBody?: readonly string[];
  readonly answers: readonly Answer[];
  /** Its own error codes; any operation may also answer `internal` and `unavailable`. */
  readonly codes: readonly ErrorCode[];
}

/** Needs a token where AUTH=jwt; the descriptions themselves are public. */
export const isGuarded = ({ path }: Operation): boolean =>
  path.startsWith('/api/') && !path.endsWith('.json');
