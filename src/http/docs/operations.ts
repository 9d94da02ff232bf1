/** Every operation of the REST surface, as OpenAPI describes it; a test compares them with the routes. */

import { IDEMPOTENCY_KEY } from '../../submission/answers.js';
import { validationBody } from '../body-schemas.js';
import type { HttpConfig } from '../dependencies.js';
import { IDEMPOTENCY_REPLAYED } from '../idempotency.js';
import { listQuery } from '../parameters.js';
import { batches, files } from './file-operations.js';
import { lists } from './list-operations.js';
import { accepted, del, get, noContent, type Operation, ok, post, unavailable } from './operation.js';
import * as schemas from './schemas.js';
import { sessions } from './session-operations.js';
import { webhooks } from './webhook-operations.js';

export function operations(config: HttpConfig): Operation[] {
  return [
    ...files(),
    ...batches(),
    ...lists(),
    ...inlets(config),
    ...deadLetters(),
    ...sessions(),
    ...webhooks(),
    ...documents(),
    ...health(),
  ];
}

const IDEMPOTENCY_HEADER = {
  name: IDEMPOTENCY_KEY,
  in: 'header',
  required: false,
  description: 'A repeated request under the same key is answered as the first one was, and submits nothing.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const inlets = (config: HttpConfig): Operation[] => [
  post(
    '/api/files/{fileId}/validations',
    'submitAddresses',
    'Submits addresses to the validator and registers its batches. Safe to repeat under an `Idempotency-Key` only.',
    {
      headers: [IDEMPOTENCY_HEADER],
      body: validationBody(config.MAX_EMAILS_PER_VALIDATION),
      answers: [
        accepted(
          'The validator has accepted them, or the list is stored and will be sent.',
          schemas.submitted,
          { [IDEMPOTENCY_REPLAYED]: '`true`: the answer of an earlier request under the same key' },
        ),
      ],
      codes: [
        'file_not_found',
        'list_not_found',
        'file_exists',
        'payload_too_large',
        'rate_limited',
        'validator_not_configured',
        'validator_unavailable',
      ],
    },
  ),
  post(
    '/api/files/{fileId}/validations/retry',
    'retrySubmission',
    'Sends the slices of a list again whose answers were lost, and goes on with a list that was stopped.',
    {
      answers: [accepted('They are sent again.', schemas.retried)],
      codes: ['not_found', 'file_not_found', 'nothing_to_retry', 'rate_limited', 'validator_not_configured'],
    },
  ),
  post(
    '/api/updates',
    'takeUpdate',
    'Takes one update of a batch. Answered after it is stored; safe to repeat.',
    {
      body: schemas.update,
      answers: [accepted('It is stored.', schemas.outcome)],
      codes: ['file_not_found', 'payload_too_large'],
    },
  ),
];

const DEAD_LETTER = '/api/dead-letters/{id}';

const deadLetters = (): Operation[] => [
  get(
    '/api/dead-letters',
    'listDeadLetters',
    'Messages that could not be read, newest first, each payload cut at 64 KiB.',
    {
      query: listQuery,
      answers: [ok('A page of the list.', schemas.deadLetterList)],
    },
  ),
  get(DEAD_LETTER, 'getDeadLetter', 'One dead letter, with all of the payload that was kept.', {
    answers: [ok('The message.', schemas.deadLetter)],
    codes: ['not_found'],
  }),
  post(
    `${DEAD_LETTER}/replay`,
    'replayDeadLetter',
    'Takes it like any update, then discards it. If it still cannot be read, it is kept.',
    {
      answers: [accepted('It is stored.', schemas.outcome)],
      codes: ['not_found', 'payload_too_large'],
    },
  ),
  del(DEAD_LETTER, 'discardDeadLetter', 'Discards it.', {
    answers: [noContent('It is discarded.')],
    codes: ['not_found'],
  }),
];

const documents = (): Operation[] => [
  get('/api/openapi.json', 'getOpenApi', 'This document.', {
    answers: [ok('OpenAPI 3.1.', ['application/json'])],
  }),
  get('/api/asyncapi.json', 'getAsyncApi', 'The socket events and the Redis channels.', {
    answers: [ok('AsyncAPI 3.0.', ['application/json'])],
  }),
];

const health = (): Operation[] => [
  get('/livez', 'isAlive', 'Whether the process answers.', {
    answers: [ok('It does.', schemas.alive)],
  }),
  get('/readyz', 'isReady', 'Whether the gateway is ready for requests.', {
    answers: [ok('It is.', schemas.alive), unavailable('It is not, and why.', schemas.notReady)],
  }),
  get(
    '/metrics',
    'getMetrics',
    'Metrics in the text format of Prometheus: over loopback and by a name of loopback, else for the scope `admin`.',
    {
      answers: [ok('The metrics.', ['text/plain'])],
      codes: ['unauthorized'],
    },
  ),
];
