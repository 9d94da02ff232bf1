import type { Flags } from '../verdict/findings.js';
import { type Refusal, refusal } from './answer.js';

interface Fault {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  /** What was wrong: the real one repeats it, addresses and all. */
  readonly input: unknown;
  readonly url: string;
}

const fault = (type: string, loc: readonly (string | number)[], msg: string, input: unknown): Fault => ({
  type,
  loc: ['body', ...loc],
  msg,
  input,
  url: `https://errors.pydantic.dev/2.4/v/${type}`,
});

const invalid = (...faults: Fault[]): Refusal => refusal(422, faults);

/** A body as the framework reads it. @throws Refusal 422 */
export function readJson(body: string, contentType: string | undefined): unknown {
  if (body === '') throw invalid(fault('missing', [], 'Field required', null));
  // Something else than JSON is taken for a string, which is then no object.
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

/** A body as the model of a submission takes it; fields that it does not know are ignored. @throws Refusal 422 */
export function readSubmission(body: unknown): Submission {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const msg = 'Input should be a valid dictionary or object to extract fields from';
    throw invalid(fault('model_attributes_type', [], msg, body));
  }
  const faults: Fault[] = [];
  const fields = body as Record<string, unknown>;
  const field = <T>(name: string, read: (value: unknown, faults: Fault[]) => T): T | undefined => {
    if (Object.hasOwn(fields, name)) return read(fields[name], faults);
    faults.push(fault('missing', [name], 'Field required', body));
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
  if (faults.length > 0) throw invalid(...faults);
  return { emails, flags };
}

function readEmails(value: unknown, faults: Fault[]): string[] {
  if (!Array.isArray(value)) {
    faults.push(fault('list_type', ['emails'], 'Input should be a valid list', value));
    return [];
  }
  value.forEach((email: unknown, index) => {
    if (typeof email === 'string') return;
    faults.push(fault('string_type', ['emails', index], 'Input should be a valid string', email));
  });
  return value as string[];
}

const YES: ReadonlySet<unknown> = new Set([true, 1, '1', 'on', 't', 'true', 'y', 'yes']);
const NO: ReadonlySet<unknown> = new Set([false, 0, '0', 'off', 'f', 'false', 'n', 'no']);

const readFlag =
  (name: string) =>
  (value: unknown, faults: Fault[]): boolean => {
    const said = typeof value === 'string' ? value.toLowerCase() : value;
    if (YES.has(said)) return true;
    if (NO.has(said)) return false;
    const msg = 'Input should be a valid boolean';
    const isScalar = typeof value === 'string' || typeof value === 'number';
    faults.push(
      isScalar
        ? fault('bool_parsing', [name], `${msg}, unable to interpret input`, value)
        : fault('bool_type', [name], msg, value),
    );
    return false;
  };
