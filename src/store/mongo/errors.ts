import { Error as MongooseErrors, mongo } from 'mongoose';
import { InvalidInput } from '../../domain/invalid-input.js';
import { Fault } from '../../errors.js';

/** Somebody else wrote a document with the same key first. */
export const isDuplicate = (error: unknown): boolean =>
  error instanceof mongo.MongoServerError && error.code === 11000;

/** A socket's own error, which the driver lets through as it is: `EPIPE` where the server has just hung up. */
const isSocketError = (error: unknown): boolean =>
  /^(E[A-Z]+|ERR_(STREAM|SOCKET)_\w+)$/.test(String((error as { code?: unknown } | null)?.code));

/**
 * Nobody can say whether the write took place. Only a server's own refusal is certain: any other error may be that of
 * the driver's second attempt, and the first one took place.
 */
export const isAmbiguous = (error: unknown): boolean =>
  isSocketError(error) ||
  (error instanceof mongo.MongoError && (!isRefusal(error) || error.hasErrorLabel('RetryableWriteError')));

/** Where too few members of a replica set have a write in time, one has it. */
const isRefusal = (error: mongo.MongoError): boolean =>
  error instanceof mongo.MongoServerError && !(error instanceof mongo.MongoWriteConcernError);

/**
 * What a caller is told. The driver's own errors stay here: some of them hold the documents that could not be written,
 * and so addresses, which have no place in a log.
 */
export function faultOf(error: unknown): unknown {
  if (error instanceof Fault || error instanceof InvalidInput) return error;
  const isTheirs =
    error instanceof mongo.MongoError || error instanceof MongooseErrors || isSocketError(error);
  return isTheirs ? unavailable(`the database cannot be used now: ${nameOf(error)}`) : error;
}

export const unavailable = (message: string): Fault =>
  new Fault('unavailable', message, { retryAfterSeconds: 1 });

function nameOf(error: unknown): string {
  const { name, code, codeName } = error as { name: string; code?: unknown; codeName?: unknown };
  const isTelling = error instanceof mongo.MongoServerError || isSocketError(error);
  return isTelling ? `${name} ${String(codeName ?? code ?? '')}`.trim() : name;
}
