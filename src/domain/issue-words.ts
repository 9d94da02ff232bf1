/** Says in our own words how an input breaks a schema: callers and operators read them instead of the schema library's. */
import type { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** An error map for `safeParse`. Messages that a schema has of its own come before it. Never repeats the value. */
export function inOurWords(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is required'
        : `must be ${KINDS[issue.expected] ?? 'of another type'}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return Number(issue.minimum) === 1 && issue.origin !== 'number'
        ? 'must not be empty'
        : `must ${atLeast(issue.origin)} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `must ${atMost(issue.origin)} ${issue.maximum}${unitOf(issue.origin)}`;
    case 'unrecognized_keys':
      return 'has a field that is not known';
    default:
      return 'is not valid';
  }
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };
const unitOf = (origin: string): string => UNITS[origin] ?? '';
const atLeast = (origin: string): string => (origin in UNITS ? 'have at least' : 'be at least');
const atMost = (origin: string): string => (origin in UNITS ? 'have at most' : 'be at most');
