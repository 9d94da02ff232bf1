/** Whether results have the shape that a gateway sends. Another server's would end the program with an error in an event's handler. */
import type { SubscribeAnswer, Subscribed } from './protocol.js';

type Unknown = Readonly<Record<string, unknown>>;

export const areResults = (value: unknown): boolean => areAll(value, 'position');

/** The body of `file_emails`. */
export const isEmailsEvent = (value: unknown): boolean =>
  isObject(value) &&
  areResults(value.emails) &&
  (value.truncated === undefined || areAll(value.truncated, 'length'));

/** Of an answer that subscribes: whether all that is read of it is there. */
export const isSubscribed = (answer: SubscribeAnswer | undefined): answer is Subscribed =>
  answer?.ok === true &&
  typeof answer.stats?.epoch === 'string' &&
  areResults(answer.emails?.emails ?? []) &&
  Array.isArray(answer.missed ?? []) &&
  (answer.missed ?? []).every(isEmailsEvent);

/** A list of objects, each of a batch and with such a number. */
const areAll = (value: unknown, number: string): boolean =>
  Array.isArray(value) &&
  value.every((item) => isObject(item) && typeof item.batchId === 'string' && Number.isInteger(item[number]));

const isObject = (value: unknown): value is Unknown => typeof value === 'object' && value !== null;
