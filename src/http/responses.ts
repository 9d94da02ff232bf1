import type { ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { type FieldError, InvalidInput } from '../domain/invalid-input.js';
import { fieldErrors } from '../domain/schemas.js';
import { ERRORS, Fault } from '../errors.js';
import type { Logger } from '../logger.js';

/** RFC 9457 problem details; `code` is stable, the texts are for people. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: keyof typeof ERRORS;
  errors?: readonly FieldError[];
}

/** Where a fault does not say when to come back. */
const RETRY_AFTER_SECONDS = 1;

/** The one place where an error becomes an answer. */
export function problems(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _req, res, _next) => {
    const fault = faultOf(error);
    if (fault.code === 'internal') logger.error({ err: error }, 'request failed');
    if (res.headersSent) {
      // Half an answer must not look like a whole one.
      res.destroy();
      return;
    }
    const problem = problemOf(fault);
    const retryAfter = fault.retryAfterSeconds ?? RETRY_AFTER_SECONDS;
    if (problem.status === 503 || problem.status === 429 || fault.retryAfterSeconds !== undefined)
      res.setHeader('Retry-After', String(retryAfter));
    if (fault.challenge !== undefined) res.setHeader('WWW-Authenticate', challengeOf(fault));
    const text = JSON.stringify(problem);
    res.statusCode = problem.status;
    res.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
    res.setHeader('Content-Length', Buffer.byteLength(text));
    res.end(text);
  };
}

/** What kind of token is wanted, and what was wrong with the one that came: RFC 6750. */
function challengeOf({ challenge, message }: Fault): string {
  const realm = 'Bearer realm="verigate"';
  if (!challenge) return realm;
  return `${realm}, error="${challenge}", error_description="${message.replaceAll('"', "'")}"`;
}

function problemOf({ code, message, errors }: Fault): Problem {
  const { status, title } = ERRORS[code];
  const problem: Problem = { type: `urn:verigate:problem:${code}`, title, status, detail: message, code };
  return errors === undefined ? problem : { ...problem, errors };
}

function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof InvalidInput) return invalid(error.errors);
  if (error instanceof z.ZodError) return invalid(fieldErrors(error));
  // What Express throws over a path that cannot be decoded quotes the path: only the kind of error is used.
  if (error instanceof URIError)
    return invalid([{ field: 'path', message: 'is not valid percent-encoding' }]);
  if (isClientError(error)) return new Fault('invalid_request');
  return new Fault('internal');
}

/** A list of thousands can be wrong in thousands of places; the first few tell what is the matter. */
const MAX_ERRORS = 10;

function invalid(all: readonly FieldError[]): Fault {
  const errors = all.slice(0, MAX_ERRORS);
  const fields = [...new Set(errors.map(({ field }) => field))].join(', ');
  return new Fault('invalid_request', `not valid: ${fields || 'body'}`, {
    errors: errors.map(({ field, message }) => ({ field: field || 'body', message })),
  });
}

/** Errors of Express's own parts carry a status. */
function isClientError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('status' in error)) return false;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500;
}
