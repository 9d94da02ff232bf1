/** The responses of an operation as OpenAPI describes them: its own, those of its error codes, and the headers of each. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../errors.js';
import { type Answer, isGuarded, type Operation } from './operation.js';
import * as schemas from './schemas.js';

/** Refers to a named schema of the document. */
export type Refer = (schema: z.ZodType) => { $ref: string };
type Headers = Record<string, { description: string; schema: object }>;

const TEXT = { type: 'string' };
const OBJECT = { type: 'object' };

/** What any request may be answered with: by the checks before the routes, by the HTTP parser, and where something fails. */
const ANYWHERE = [
  'invalid_request',
  'forbidden',
  'request_timeout',
  'headers_too_large',
  'internal',
] as const;

const text = (description: string) => ({ description, schema: TEXT });
/** IETF draft: how many costly requests of the caller are left. */
const RATE_LIMIT: Headers = {
  RateLimit: text(
    '`"costly";r=…;t=…`: the costly requests that are left, and the seconds until all are back',
  ),
  'RateLimit-Policy': text('`"costly";q=…;w=60`: the costly requests that a caller has in a minute'),
};
const RETRY_AFTER: Headers = {
  'Retry-After': { description: 'seconds until it may succeed', schema: { type: 'integer', minimum: 0 } },
};
const CHALLENGE: Headers = { 'WWW-Authenticate': text('RFC 6750: what was wrong with the token') };
const MAY_RETRY: readonly number[] = [429, 502, 503];
const IS_CHALLENGED: readonly number[] = [401, 403];

export function responses(operation: Operation, refer: Refer): Record<number, object> {
  const { answers, codes = [] } = operation;
  const limited = codes.includes('rate_limited') ? RATE_LIMIT : {};
  const own = answers.map(
    (answer) => [answer.status, described(answer, headersOf(answer, limited), refer)] as const,
  );
  return { ...Object.fromEntries(own), ...problems(operation, limited, refer) };
}

const headersOf = ({ status, headers = {} }: Answer, limited: Headers): Headers => ({
  ...Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, text(description)])),
  ...(MAY_RETRY.includes(status) ? RETRY_AFTER : {}),
  ...limited,
});

function described({ description, content }: Answer, headers: Headers, refer: Refer): object {
  const named = Object.keys(headers).length === 0 ? {} : { headers };
  if (content === undefined) return { description, ...named };
  const media =
    content instanceof z.ZodType
      ? { 'application/json': { schema: refer(content) } }
      : Object.fromEntries(
          content.map((type) => [type, { schema: type === 'application/json' ? OBJECT : TEXT }]),
        );
  return { description, ...named, content: media };
}

/** The error responses; codes with the same status share one. */
function problems(operation: Operation, limited: Headers, refer: Refer): Record<number, object> {
  const { path, codes = [], answers } = operation;
  const everywhere = path.startsWith('/api/') ? ([...ANYWHERE, 'unavailable'] as const) : ANYWHERE;
  const guarded = isGuarded(operation) ? (['unauthorized', 'forbidden'] as const) : [];
  const all = [...new Set<ErrorCode>([...everywhere, ...guarded, ...codes])];
  const statuses = [...new Set(all.map((code) => ERRORS[code].status))];
  return Object.fromEntries(
    statuses
      .filter((status) => !answers.some((answer) => answer.status === status))
      .map((status) => {
        const same = all.filter((code) => ERRORS[code].status === status);
        const headers = {
          ...(MAY_RETRY.includes(status) ? RETRY_AFTER : {}),
          ...(IS_CHALLENGED.includes(status) ? CHALLENGE : {}),
          ...limited,
        };
        const schema = { allOf: [refer(schemas.problem), { properties: { code: { enum: same } } }] };
        return [
          status,
          {
            description: `${STATUS_CODES[status]}: ${same.map((code) => `\`${code}\``).join(', ')}`,
            ...(Object.keys(headers).length === 0 ? {} : { headers }),
            content: { 'application/problem+json': { schema } },
          },
        ];
      }),
  );
}
