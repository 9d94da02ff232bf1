import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { z } from 'zod';
import { ERRORS } from '../../src/errors.js';
import { createApp } from '../../src/http/app.js';
import {
  batchListBody,
  failBody,
  revokeBody,
  validationBody,
  webhookBody,
} from '../../src/http/body-schemas.js';
import { RECEIVED, SENT } from '../../src/http/docs/asyncapi.js';
import { EXAMPLES } from '../../src/http/docs/examples.js';
import * as schemas from '../../src/http/docs/schemas.js';
import { call, complete, type Json, result, seed, startApp } from './harness.js';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
}

/** `GET /api/files/{fileId}`, from what the router really has. */
function routesOf(app: ReturnType<typeof createApp>): string[] {
  const { stack } = app.router as unknown as { stack: Layer[] };
  return stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : Object.keys(route.methods).map(
          (method) => `${method.toUpperCase()} ${route.path.replace(/:(\w+)/g, '{$1}')}`,
        ),
  );
}

function* references(value: Json): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  if (typeof value.$ref === 'string') yield value.$ref;
  for (const inner of Object.values(value)) yield* references(inner);
}

const lookUp = (document: Json, pointer: string): unknown =>
  pointer
    .slice(2)
    .split('/')
    .reduce((at, step) => at?.[step], document);

describe('openapi.json', () => {
  test('documents exactly the routes that there are', async () => {
    const app = await startApp();
    const { json } = await call(app, 'GET', '/api/openapi.json');
    const documented = Object.entries<Json>(json.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.sort()).toEqual(routesOf(createApp(app.deps)).sort());
  });

  test('says which fields a body needs because of another one', async () => {
    const app = await startApp();
    const { json } = await call(app, 'GET', '/api/openapi.json');
    const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(json, 'openapi');
    const bodies: Record<string, readonly [valid: readonly object[], invalid: readonly object[]]> = {
      Update: [
        [
          complete('b', [result('a@example.com')]),
          { batchId: 'b', failed: true, error: 'the worker is gone' },
        ],
        [{ batchId: 'b' }, { batchId: 'b', failed: false }, { batchId: 'b', failed: null, isComplete: true }],
      ],
      Submission: [
        [{ emails: ['a'] }, { emails: ['a'], listId: null }, { listId: 'l' }],
        [{}, { replace: true }],
      ],
    };
    for (const [name, [valid, invalid]] of Object.entries(bodies)) {
      const isValid = (body: object) => ajv.validate(`openapi#/components/schemas/${name}`, body);
      expect(valid.map(isValid)).toEqual(valid.map(() => true));
      expect(invalid.map(isValid)).toEqual(invalid.map(() => false));
      const path = name === 'Update' ? '/api/updates' : '/api/files/f/validations';
      for (const body of invalid) expect((await call(app, 'POST', path, body)).status).toBe(400);
    }
  });

  test('names every code of the error table that REST can answer with, at its status', async () => {
    const app = await startApp();
    const { json } = await call(app, 'GET', '/api/openapi.json');
    const rest = Object.keys(ERRORS).filter((code) => code !== 'too_many_subscriptions');
    expect(json.components.schemas.Problem.properties.code.enum).toEqual(rest);
    for (const operation of Object.values<Json>(json.paths).flatMap((item) => Object.values<Json>(item))) {
      for (const [status, { content }] of Object.entries<Json>(operation.responses)) {
        const problem = content?.['application/problem+json'];
        for (const code of problem?.schema.allOf[1].properties.code.enum ?? []) {
          expect(ERRORS[code as keyof typeof ERRORS].status).toBe(Number(status));
        }
      }
    }
  });

  test('describes parameters by the schemas that they are read with', async () => {
    const app = await startApp();
    const { json } = await call(app, 'GET', '/api/openapi.json');
    const parameters: Json[] = json.paths['/api/files/{fileId}/emails'].get.parameters;
    expect(parameters.map(({ name }) => name)).toEqual([
      'fileId',
      'page',
      'limit',
      'status',
      'risk',
      'reason',
      'email',
    ]);
    expect(parameters[2].schema).toEqual({ type: 'integer', minimum: 1, maximum: 500, default: 50 });
    expect(parameters[3].schema.items.enum).toEqual(['deliverable', 'undeliverable', 'risky', 'unknown']);
    expect(parameters[5]).toMatchObject({ style: 'form', explode: false, schema: { type: 'array' } });
    expect(json.components.schemas.Submission.properties.emails.anyOf[0]).toMatchObject({
      type: 'array',
      minItems: 1,
      maxItems: app.deps.config.MAX_EMAILS_PER_VALIDATION,
      items: { type: 'string' },
    });
  });
});

/** What the linters of the field complain about, as far as it can be checked without them. */
test('openapi.json is complete: version, servers, tags, security, schemas, ids, examples', async () => {
  const app = await startApp();
  const { json } = await call(app, 'GET', '/api/openapi.json');
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(json.info).toMatchObject({ version, license: { identifier: 'MIT' } });
  expect(json.servers).toHaveLength(1);
  const tags = json.tags.map(({ name }: Json) => name);
  for (const { name, description } of json.tags) expect(description).not.toBe(name);
  const operations = Object.values<Json>(json.paths).flatMap((item) => Object.values<Json>(item));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const {
    operationId: id,
    summary,
    tags: own,
    security,
    responses,
    parameters,
    requestBody,
  } of operations) {
    expect([id, summary.length > 0, tags.includes(own[0]), Array.isArray(security)]).toEqual([
      id,
      true,
      true,
      true,
    ]);
    expect([id, Object.keys(responses).some((status) => status.startsWith('4'))]).toEqual([id, true]);
    expect([id, Object.keys(responses)]).toEqual([id, expect.arrayContaining(['431'])]);
    const contents = [requestBody?.content, ...Object.values<Json>(responses).map(({ content }) => content)];
    for (const media of contents.flatMap((content) => Object.values<Json>(content ?? {})))
      expect([id, media.schema]).toEqual([id, expect.any(Object)]);
    for (const { in: where, schema } of parameters)
      if (where === 'path') expect([id, new RegExp(schema.pattern).test('a\u0000')]).toEqual([id, false]);
  }
  expect(json.components.schemas.Update.properties.totalBatches.anyOf[0].maximum).toBe(1_000_000_000);
});

test('the examples of openapi.json are of their schemas', () => {
  const known: Record<string, z.ZodType> = {
    Stats: schemas.stats,
    Result: schemas.result,
    EmailsPage: schemas.emailsPage,
    Update: schemas.update,
    Outcome: schemas.outcome,
    Problem: schemas.problem,
    Registration: batchListBody,
    Failure: failBody,
    Webhook: webhookBody,
    Revocation: revokeBody,
    Submission: validationBody(10),
  };
  expect(Object.keys(EXAMPLES).sort()).toEqual(Object.keys(known).sort());
  return Promise.all(
    Object.entries(EXAMPLES).map(async ([name, example]) =>
      expect([name, (await known[name]?.safeParseAsync(example))?.error]).toEqual([name, undefined]),
    ),
  );
});

test.each(['openapi', 'asyncapi'])('%s.json refers to nothing that is not there', async (name) => {
  const app = await startApp();
  const { status, json } = await call(app, 'GET', `/api/${name}.json`);
  expect(status).toBe(200);
  const dangling = [...references(json)].filter((pointer) => lookUp(json, pointer) === undefined);
  expect(dangling).toEqual([]);
});

test('asyncapi.json has every socket event and the channels', async () => {
  const app = await startApp();
  const { json } = await call(app, 'GET', '/api/asyncapi.json');
  expect(json.asyncapi).toBe('3.0.0');
  expect(Object.keys(json.channels.socket.messages)).toEqual(
    expect.arrayContaining([...Object.keys(SENT), ...Object.keys(RECEIVED)]),
  );
  expect(Object.values<Json>(json.channels).map(({ address }) => address)).toEqual([
    '/socket.io/',
    'file_stats:{fileId}',
    'file_emails:{fileId}',
    'email_validation_results',
    'email_validation_results:stream',
  ]);
});

test('answers have the documented shapes, and nothing beside', async () => {
  const app = await startApp();
  await seed(app, 'f', [
    result('a@example.com'),
    result('b', { status: 'unknown', risk_level: null, details: null }),
  ]);
  await app.deps.store.deadLetters.add({ inlet: 'pubsub', reason: 'body: must be JSON', payload: 'no JSON' });
  const [deadLetter] = (await call(app, 'GET', '/api/dead-letters')).json.items;
  const shapes: [string, z.ZodObject][] = [
    ['/api/dead-letters', schemas.deadLetterList],
    [`/api/dead-letters/${deadLetter.id}`, schemas.deadLetter],
    ['/api/files', schemas.fileList],
    ['/api/files/f', schemas.snapshot],
    ['/api/files/f/stats', schemas.stats],
    ['/api/files/f/emails', schemas.emailsPage],
    ['/api/files/f/batches', schemas.batchList],
    ['/livez', schemas.alive],
    ['/readyz', schemas.alive],
  ];
  for (const [path, schema] of shapes) {
    const { status, json } = await call(app, 'GET', path);
    expect([path, status]).toEqual([path, 200]);
    expect(schema.parse(json)).toEqual(json);
  }
  const taken = await call(app, 'POST', '/api/updates', complete('other', []));
  expect(schemas.outcome.strict().parse(taken.json)).toEqual({ outcome: 'held' });
  const missing = await call(app, 'GET', '/api/files/none');
  expect(schemas.problem.strict().parse(missing.json)).toMatchObject({ code: 'file_not_found' });
});

test('docs/api.md lists the error table as it is', () => {
  const text = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  const rest = Object.entries(ERRORS).filter(([code]) => code !== 'too_many_subscriptions');
  expect(listed).toEqual(rest.map(([code, { status }]) => [code, status]));
});

describe('a method that a path does not have', () => {
  const WRONG: readonly (readonly [string, string, string])[] = [
    ['PUT', '/api/files/f', 'GET, HEAD, DELETE'],
    ['POST', '/api/files/f/emails', 'GET, HEAD'],
    ['DELETE', '/api/files', 'GET, HEAD'],
    ['GET', '/api/updates', 'POST'],
    ['PATCH', '/api/dead-letters/x', 'GET, HEAD, DELETE'],
    ['POST', '/api/openapi.json', 'GET, HEAD'],
    ['POST', '/livez', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
  ];

  test('is 405 with those that it has', async () => {
    const app = await startApp();
    for (const [method, path, allow] of WRONG) {
      const { status, headers, json } = await call(app, method, path);
      expect([path, status, json.code, headers.get('allow')]).toEqual([
        path,
        405,
        'method_not_allowed',
        allow,
      ]);
      const asked = await call(app, 'OPTIONS', path);
      expect([path, asked.status, asked.headers.get('allow')]).toEqual([path, 204, allow]);
    }
  });

  test('is 404 where there is no such path', async () => {
    const app = await startApp();
    for (const path of ['/api/nothing', '/nothing', '/API/files'])
      expect((await call(app, 'POST', path)).status).toBe(404);
  });
});
