/**
 * Compares real answers of the REST surface with the OpenAPI document: the status, the content type, the body by its schema
 * and nothing beside, and the headers.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { readConfig } from '../../src/config.js';
import { openApi } from '../../src/http/docs/openapi.js';

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely here
type Json = any;

export interface RealAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Headers of HTTP itself, of every answer alike, or for browsers: they say nothing of one operation. */
const GENERAL =
  /^(date|connection|keep-alive|transfer-encoding|content-(encoding|length|type|security-policy)|cache-control|vary|referrer-policy|access-control-.*|cross-origin-.*|x-content-type-options|x-frame-options)$/;
const SURFACE = /^\/(api\/|livez$|readyz$|metrics$)/;

/** Of zod: refusals are told in our own words. */
const RAW = /^(Invalid |Too (big|small)|Unrecognized |Expected )/;

interface Documented {
  readonly ajv: Ajv2020;
  readonly operations: readonly { readonly path: RegExp; readonly template: string; readonly item: Json }[];
}

let documented: Documented | undefined;

/** Read once in a test file; a schema is compiled when its first answer comes. */
function read(): Documented {
  const document = closed(openApi(readConfig({}))) as Json;
  // Each schema that others refer to is compiled once, as a function of its own.
  const ajv = new Ajv2020({ strict: false, allErrors: true, inlineRefs: false, code: { optimize: false } });
  formats.default(ajv);
  ajv.addSchema(document, 'openapi');
  const operations = Object.entries<Json>(document.paths).map(([template, item]) => ({
    template,
    item,
    path: new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}/?$`),
  }));
  return { ajv, operations };
}

/** An object of the document has the properties that are named, and no other. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isOpen = inner.type === 'object' && 'properties' in inner && !('additionalProperties' in inner);
  return isOpen ? { ...inner, additionalProperties: false } : inner;
}

/** @throws Error that says what the document lacks, or has otherwise */
export function expectDocumented(method: string, url: string, answer: RealAnswer): void {
  const { pathname } = new URL(url);
  if (method === 'OPTIONS' || !SURFACE.test(pathname)) return;
  documented ??= read();
  const found = documented.operations.find(({ path }) => path.test(pathname));
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const differences =
    found?.item[verb] === undefined
      ? outside(answer, found === undefined)
      : [
          ...differing(
            documented.ajv,
            `paths/${pointer(found.template)}/${verb}`,
            found.item[verb],
            answer,
            method,
          ),
          ...unnamedHeaders(found.item[verb].responses[answer.status], answer),
        ];
  if (differences.length > 0)
    throw new Error(
      `not as documented: ${method} ${found?.template ?? pathname} ${answer.status}: ${differences.join('; ')}`,
    );
}

const pointer = (key: string): string => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Where the document has no operation: there is no such path, or no such method. What is checked first may refuse it too. */
function outside({ status, headers }: RealAnswer, isUnknown: boolean): string[] {
  const isRefusal = [isUnknown ? 404 : 405, 400, 401, 403, 500, 503].includes(status);
  const isProblem = typeOf(headers) === 'application/problem+json';
  return isRefusal && isProblem ? [] : ['the document has no such operation'];
}

const typeOf = (headers: Headers): string => (headers.get('content-type') ?? '').split(';')[0] ?? '';

function differing(
  ajv: Ajv2020,
  at: string,
  { responses }: Json,
  { status, headers, text }: RealAnswer,
  method: string,
): string[] {
  const response = responses[status];
  if (response === undefined) return ['the status'];
  const type = typeOf(headers);
  if (response.content === undefined) return text === '' ? [] : ['a body'];
  if (response.content[type] === undefined) return [`the content type ${type}`];
  if (method === 'HEAD' || !/[/+]json$/.test(type)) return [];
  // Compiled the first time that it is asked for.
  const validate = ajv.getSchema(`openapi#/${at}/responses/${status}/content/${pointer(type)}/schema`);
  if (validate === undefined) return ['a schema'];
  const body = JSON.parse(text) as { errors?: { message: string }[] };
  if (validate(body))
    return (body.errors ?? []).flatMap(({ message }) => (RAW.test(message) ? [message] : []));
  // Values are not repeated: they can be long.
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

function unnamedHeaders(response: Json, { headers }: RealAnswer): string[] {
  const named = Object.keys(response?.headers ?? {}).map((name) => name.toLowerCase());
  return [...headers.keys()]
    .filter((name) => !GENERAL.test(name) && !named.includes(name))
    .map((name) => `the header ${name}`);
}
