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
  /** Its own error codes, beside those that any operation may answer with, see responses.ts. */
  readonly codes?: readonly ErrorCode[];
}

type Rest = Omit<Operation, 'method' | 'path' | 'id' | 'summary'>;
const withMethod =
  (method: Operation['method']) =>
  (path: string, id: string, summary: string, rest: Rest): Operation => ({
    method,
    path,
    id,
    summary,
    ...rest,
  });

export const get = withMethod('get');
export const post = withMethod('post');
export const del = withMethod('delete');

const withStatus =
  (status: number) =>
  (description: string, content?: Answer['content'], headers?: Answer['headers']): Answer => ({
    status,
    description,
    ...(content !== undefined && { content }),
    ...(headers !== undefined && { headers }),
  });

export const ok = withStatus(200);
export const created = withStatus(201);
export const accepted = withStatus(202);
export const noContent = withStatus(204);
export const unavailable = withStatus(503);

/** Needs a token where AUTH=jwt; the descriptions themselves are public. */
export const isGuarded = ({ path }: Operation): boolean =>
  path.startsWith('/api/') && !path.endsWith('.json');
