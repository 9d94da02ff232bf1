/** What an error of the database means: a duplicate, an ambiguous write, or a fault that the caller may see. */
import { Error as MongooseErrors, mongo } from 'mongoose';
import { InvalidInput } from '../../domain/invalid-input.js';
import { Fault } from '../../errors.js';
import type { Refusal } from '../../refusal.js';
import { refusalOf } from './refusals.js';

/** The server's code for a write whose unique key exists. */
export const DUPLICATE = 11000;

/** Another call wrote a document with the same key first. */
export const isDuplicate = (error: unknown): boolean =>
  error instanceof mongo.MongoServerError && error.code === DUPLICATE;

/** An error of the socket, which the driver passes on as it is: `EPIPE` where the server has just closed it. */
const isSocketError = (error: unknown): boolean =>
  /^(E[A-Z]+|ERR_(STREAM|SOCKET)_\w+)$/.test(String((error as { code?: unknown } | null)?.code));

/**
 * Whether a write may have been stored although it failed. Only a server's refusal is certain: any other error may be that
 * of the driver's second attempt, after a first one that was stored.
 */
export const isAmbiguous = (error: unknown): boolean =>
  isSocketError(error) ||
  (error instanceof mongo.MongoError && (!isRefusal(error) || error.hasErrorLabel('RetryableWriteError')));

/** A write concern error is none: too few members of the replica set have the write in time, but one has it. */
const isRefusal = (error: mongo.MongoError): boolean =>
  error instanceof mongo.MongoServerError &&
  !(error instanceof mongo.MongoWriteConcernError) &&
  !(error instanceof mongo.MongoBulkWriteError && isUnconfirmed(error));

/** The driver throws one class for both: for writes that were refused, and for writes that too few members have. */
const isUnconfirmed = ({ writeErrors, result }: mongo.MongoBulkWriteError): boolean =>
  [writeErrors].flat().length === 0 && result.getWriteConcernError() !== undefined;

/**
 * The error for the caller. The driver's own errors are not passed on: some of them hold the documents that could not be
 * written, and so addresses, which must not be logged.
 */
export function faultOf(error: unknown): unknown {
  if (error instanceof Fault || error instanceof InvalidInput) return error;
  const isOfDriver =
    error instanceof mongo.MongoError || error instanceof MongooseErrors || isSocketError(error);
  return isOfDriver ? unavailable('the database cannot be used now', refusalOf(error)) : error;
}

export const unavailable = (message: string, refusal?: Refusal): Fault =>
  new Fault('unavailable', message, { retryAfterSeconds: 1, refusal });
