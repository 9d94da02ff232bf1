/**
 * The kinds of values that variables have. What is refused is what could not work later, and no message repeats a value: it
 * may be a secret that was put into the wrong variable.
 */

import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { hostPattern } from '../hosts.js';

/** A whole number within bounds, written in digits only: `1e3`, ` 5`, `5.0`, `10s` and `8MiB` are refused. */
export const integer = (fallback: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number, in digits alone and without a unit')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`)
    .default(fallback);

const flagWith = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .transform((value) => value === 'true')
    .default(fallback);
export const flag = flagWith(false);
export const flagThatIsOn = flagWith(true);

export const oneOf = <const V extends readonly string[]>(...values: V) =>
  z.enum(values, `must be one of ${values.join(', ')}`);

/** A name, a path or the like: a blank at its ends is a mistake of the file that it comes from, and no part of it. */
export const text = () =>
  z
    .string()
    .max(4096, 'must have at most 4096 characters')
    .refine(isClean, 'must have no blanks at its ends and no control characters');

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

function isClean(value: string): boolean {
  return value === value.trim() && !CONTROL.test(value);
}

/** Items separated by commas. An empty one is what a template leaves of a variable that was not set. */
const separated = z
  .string()
  .transform((list) => list.split(',').map((item) => item.trim()))
  .refine((items) => !items.includes(''), {
    error: 'must have no empty entry between its commas',
    abort: true,
  });

export const networks = separated.refine(
  (items) => items.every((item) => NETWORK.safeParse(item).success),
  'must be IP addresses or networks such as 192.0.2.0/24, separated by commas',
);

const NETWORK = z.ipv4().or(z.ipv6()).or(z.cidrv4()).or(z.cidrv6());

/** What a `Host` header may name. */
export const hosts = separated.refine(
  (items) => items.every((item) => hostPattern(item) !== null),
  'must be names, addresses with or without a port, networks, *.name, or * (no scheme, no path)',
);

/** Origins as browsers send them: a slash or path at the end is not part of one. */
export const origins = separated
  .superRefine((items, context) => {
    const message = items.map(problemOfOrigin).find((problem) => problem !== null);
    if (message) context.addIssue({ code: 'custom', message });
  })
  .transform((items) => items.map((item) => (item === '*' ? item : new URL(item).origin)));

function problemOfOrigin(item: string): string | null {
  if (item === '*') return null;
  if (item.includes('*'))
    return 'must name each origin: a * inside one matches nothing; * alone stands for all';
  if (!isHttpUrl(item)) return 'must be origins such as https://app.test:8443, or *';
  const { username, password } = new URL(item);
  return username + password === '' ? null : 'must hold no user name or password';
}

function isHttpUrl(value: string): boolean {
  if (!/^https?:\/\/[^\s/]/i.test(value) || !URL.canParse(value)) return false;
  const { hostname, port } = new URL(value);
  return port !== '0' && isHost(hostname.replace(/^\[|\]$/g, ''));
}

/** An address that the gateway sends requests to. Clients refuse credentials in it, and logs would repeat them. */
export const httpUrl = ({ hasQuery }: { hasQuery: boolean }) =>
  z
    .string()
    .refine(isHttpUrl, { error: 'must be an HTTP address: http or https, and a host', abort: true })
    .refine((value) => {
      const { username, password } = new URL(value);
      return username + password === '';
    }, 'must hold no user name or password')
    .refine(
      (value) => {
        const { search, hash } = new URL(value);
        return hash === '' && (hasQuery || search === '');
      },
      `must have no ${hasQuery ? '' : 'query and no '}fragment`,
    );

const HOST_NAME =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

/** Whether this is a name or an address, without brackets, port or scheme. A name of digits is meant as an address. */
export const isHost = (value: string): boolean =>
  isIP(value) > 0 || (HOST_NAME.test(value) && (isIPv4(value) || !/(^|\.)\d+\.?$/.test(value)));

/** An address to listen on. The brackets of an IPv6 address belong to URLs. */
export const listenHost = z
  .string()
  .transform((value) => value.replace(/^\[([\da-f:.]+)\]$/i, '$1'))
  .refine(isHost, 'must be a host name or an IP address, without a scheme or port');

/** What an HTTP header can hold. */
export const headerText = (max = 4096) =>
  z
    .string()
    .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')
    .max(max, `must have at most ${max} characters`)
    .refine(isClean, 'must have no blanks at its ends');
