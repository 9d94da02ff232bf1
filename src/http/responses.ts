/** How the REST surface answers: JSON, or an error as problem details (RFC 9457). */
import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { type FieldError, InvalidInput, MAX_FIELD_ERRORS } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { Logger } from '../logger.js';
import { sendProblem } from '../problem.js';

/** Sends JSON that is text, or its bytes, already: the text of a snapshot is never parsed and serialised again. */
export function sendJson(res: ServerResponse, json: string | Buffer, status = 200): void {
  res.statusCode = status;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(json));
  res.end(json);
}

/** The only place where an error becomes an answer. */
export function problemSender(logger: Logger): (error: unknown, res: ServerResponse) => void {
  return (error, res) => {
    const fault = faultOf(error);
    if (fault.code === 'internal') logger.error({ err: error }, 'request failed');
    if (res.headersSent) {
      // Half an answer must not look like a whole one.
      res.destroy();
      return;
    }
    sendProblem(res, fault);
  };
}

export function problems(logger: Logger): ErrorRequestHandler {
  const send = problemSender(logger);
  return (error, _req, res, _next) => send(error, res);
}

function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof InvalidInput) return invalid(error.errors);
  // Express throws it for a path that cannot be decoded. Its message quotes the path, so it is not passed on.
  if (error instanceof URIError)
    return invalid([{ field: 'path', message: 'is not valid percent-encoding' }]);
  if (isClientError(error)) return new Fault('invalid_request');
  return new Fault('internal');
}

function invalid(all: readonly FieldError[]): Fault {
  const errors = all.slice(0, MAX_FIELD_ERRORS);
  const fields = [...new Set(errors.map(({ field }) => field))].join(', ');
  return new Fault('invalid_request', `not valid: ${fields || 'body'}`, {
    errors: errors.map(({ field, message }) => ({ field: field || 'body', message })),
  });
}

/** Errors of Express itself have a status. */
function isClientError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('status' in error)) return false;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500;
}
