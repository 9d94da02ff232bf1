/** The REST surface as an OpenAPI 3.1 document, from the schemas that the routes read with. */
import { createRequire } from 'node:module';
import { z } from 'zod';
import { ID_PATTERN, MAX_ID_LENGTH } from '../../domain/id.js';
import { batchListBody, failBody, revokeBody, validationBody, webhookBody } from '../body-schemas.js';
import type { HttpConfig } from '../dependencies.js';
import { components } from './components.js';
import { EXAMPLES } from './examples.js';
import { isGuarded, type Operation } from './operation.js';
import { operations } from './operations.js';
import { type Refer, responses } from './responses.js';
import * as schemas from './schemas.js';

const { version } = createRequire(import.meta.url)('../../../../package.json') as { version: string };
export const API_VERSION = version;
/** Clients that were generated put it in front of each path; the document is the gateway's own, wherever that is. */
const SERVERS = [{ url: '/', description: 'The gateway that this document came from.' }];

export function openApi(config: HttpConfig): object {
  const all = operations(config);
  const bodies = new Map(all.flatMap(({ id, body }) => (body === undefined ? [] : [[id, body] as const])));
  const { schemas: named, refer } = components({
    Stats: schemas.stats,
    Overview: schemas.overview,
    Limits: schemas.limits,
    Breakdown: schemas.breakdown,
    Result: schemas.result,
    EmailsPage: schemas.emailsPage,
    Snapshot: schemas.snapshot,
    FileList: schemas.fileList,
    List: schemas.uploadedList,
    Batch: schemas.batch,
    BatchList: schemas.batchList,
    Registered: schemas.registered,
    Submitted: schemas.submitted,
    Retried: schemas.retried,
    Outcome: schemas.outcome,
    DeadLetter: schemas.deadLetter,
    DeadLetterList: schemas.deadLetterList,
    ListenerCount: schemas.listenerCount,
    Revoked: schemas.revoked,
    Revocation: revokeBody,
    NewWebhook: schemas.newWebhook,
    WebhookList: schemas.webhookList,
    DeliveryList: schemas.deliveryList,
    ReplayedDelivery: schemas.replayedDelivery,
    Webhook: webhookBody,
    Alive: schemas.alive,
    NotReady: schemas.notReady,
    Problem: schemas.problem,
    Update: schemas.update,
    Registration: batchListBody,
    Failure: failBody,
    Submission: bodies.get('submitAddresses') ?? validationBody(config.MAX_EMAILS_PER_VALIDATION),
  });
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of all) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: described(operation, refer) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Verigate',
      version: API_VERSION,
      summary: 'Email-validation results, live and stored.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: SERVERS,
    tags: [...new Set(all.map(tagOf))].map((name) => ({ name, description: TAGS[name] ?? name })),
    paths,
    components: {
      schemas: withExamples(named),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

const BYTES = { type: 'string', format: 'binary' };

const TAGS: Readonly<Record<string, string>> = {
  limits: 'What a list and a submission may have.',
  files: 'Files: their stats, results and exports.',
  stats: 'What files add up to.',
  batches: 'The batches of a file.',
  lists: 'Lists as people have them.',
  validations: 'Submission to the validator.',
  updates: 'Results coming in.',
  'dead-letters': 'Messages that could not be read.',
  sessions: 'The sockets of users.',
  webhooks: 'Calls when a file is done.',
  documents: 'Descriptions of the interfaces.',
  health: 'For operators.',
};

/** The part of a path after `/api/`, or after a file's id: `files`, `validations`, `webhooks`; `health` outside `/api`. */
function tagOf({ path }: Operation): string {
  if (!path.startsWith('/api/')) return 'health';
  if (path.endsWith('.json')) return 'documents';
  const [, first = '', second] = /^\/api\/([\w-]+)(?:\/\{fileId\}\/(batches|validations))?/.exec(path) ?? [];
  return second ?? first;
}

const withExamples = (named: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(named).map(([name, schema]) => {
      const example = EXAMPLES[name];
      return [name, example === undefined ? schema : { ...(schema as object), examples: [example] }];
    }),
  );

function described(operation: Operation, refer: Refer): object {
  const { id, summary } = operation;
  return {
    operationId: id,
    summary,
    tags: [tagOf(operation)],
    parameters: [
      ...pathParameters(operation.path),
      ...queryParameters(operation.query),
      ...(operation.headers ?? []),
    ],
    ...requestBody(operation, refer),
    security: isGuarded(operation) ? [{ token: [] }, {}] : [],
    responses: responses(operation, refer),
  };
}

function requestBody({ body, rawBody }: Operation, refer: Refer): object {
  if (rawBody !== undefined) {
    const content = Object.fromEntries([...rawBody, '*/*'].map((type) => [type, { schema: BYTES }]));
    return { requestBody: { required: true, content } };
  }
  if (body === undefined) return {};
  return { requestBody: { required: true, content: { 'application/json': { schema: refer(body) } } } };
}

const pathParameters = (path: string) =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: MAX_ID_LENGTH, pattern: ID_PATTERN },
  }));

function queryParameters(query: z.ZodObject | undefined): object[] {
  if (query === undefined) return [];
  const { properties = {} } = z.toJSONSchema(query, { io: 'output', unrepresentable: 'any' });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query.shape[name]?.safeParse(undefined).success === false,
    schema,
    // Several values are separated by commas.
    ...((schema as { type?: string }).type === 'array' ? { style: 'form', explode: false } : {}),
  }));
}
