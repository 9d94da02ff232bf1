/** Reads submissions as the real validator's framework (FastAPI, Pydantic) does, with the same error bodies. */
import type { Flags } from '../verdict/findings.js';
import { type Refusal, refusal } from './answer.js';

interface FieldError {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  /** The rejected value. The real validator repeats it, addresses included. */
  readonly input: unknown;
  readonly url: string;
}

const fieldError = (
  type: string,
  loc: readonly (string | number)[],
  msg: string,
  input: unknown,
): FieldError => ({
  type,
  loc: ['body', ...loc],
  msg,
  input,
  url: `https://errors.pydantic.dev/2.4/v/${type}`,
});

const invalid = (...errors: FieldError[]): Refusal => refusal(422, errors);

/** @throws Refusal 422 */
export function readJson(body: string, contentType: string | undefined): unknown {
  if (body === '') throw invalid(fieldError('missing', [], 'Field required', null));
  // Without a JSON content type the framework reads the body as a string, which then is not an object.
  if (contentType !== undefined && !/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)) return body;
  try {
    return JSON.parse(body);
  } catch (error) {
    const position = Number(/at position (\d+)/.exec(String(error))?.[1] ?? body.length);
    const ctx = { error: 'Expecting value' };
    throw refusal(422, [
      { type: 'json_invalid', loc: ['body', position], msg: 'JSON decode error', input: {}, ctx },
    ]);
  }
}

export interface Submission {
  readonly emails: readonly string[];
  readonly flags: Flags;
}

/** Reads a submission; unknown fields are ignored. @throws Refusal 422 */
export function readSubmission(body: unknown): Submission {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const msg = 'Input should be a valid dictionary or object to extract fields from';
    throw invalid(fieldError('model_attributes_type', [], msg, body));
  }
  const errors: FieldError[] = [];
  const fields = body as Record<string, unknown>;
  const field = <T>(name: string, read: (value: unknown, errors: FieldError[]) => T): T | undefined => {
    if (Object.hasOwn(fields, name)) return read(fields[name], errors);
    errors.push(fieldError('missing', [name], 'Field required', body));
    return undefined;
  };
  const emails = field('emails', readEmails) ?? [];
  const flag = (name: keyof Flags) => field(name, readFlag(name)) ?? true;
  const flags = {
    check_mx: flag('check_mx'),
    check_smtp: flag('check_smtp'),
    check_disposable: flag('check_disposable'),
    check_catch_all: flag('check_catch_all'),
    check_blacklist: flag('check_blacklist'),
  };
  if (errors.length > 0) throw invalid(...errors);
  return { emails, flags };
}

function readEmails(value: unknown, errors: FieldError[]): string[] {
  if (!Array.isArray(value)) {
    errors.push(fieldError('list_type', ['emails'], 'Input should be a valid list', value));
    return [];
  }
  value.forEach((email: unknown, index) => {
    if (typeof email === 'string') return;
    errors.push(fieldError('string_type', ['emails', index], 'Input should be a valid string', email));
  });
  return value as string[];
}

const YES: ReadonlySet<unknown> = new Set([true, 1, '1', 'on', 't', 'true', 'y', 'yes']);
const NO: ReadonlySet<unknown> = new Set([false, 0, '0', 'off', 'f', 'false', 'n', 'no']);

const readFlag =
  (name: string) =>
  (value: unknown, errors: FieldError[]): boolean => {
    const text = typeof value === 'string' ? value.toLowerCase() : value;
    if (YES.has(text)) return true;
    if (NO.has(text)) return false;
    const msg = 'Input should be a valid boolean';
    const isScalar = typeof value === 'string' || typeof value === 'number';
    errors.push(
      isScalar
        ? fieldError('bool_parsing', [name], `${msg}, unable to interpret input`, value)
        : fieldError('bool_type', [name], msg, value),
    );
    return false;
  };
