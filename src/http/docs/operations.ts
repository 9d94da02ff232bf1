/** Every operation of the REST surface, as OpenAPI describes it; a test compares them with the routes. */

import { IDEMPOTENCY_KEY } from '../../submission/answers.js';
import { validationBody } from '../body-schemas.js';
import type { HttpConfig } from '../dependencies.js';
import { IDEMPOTENCY_REPLAYED } from '../idempotency.js';
import { listQuery } from '../parameters.js';
import { batches, files } from './file-operations.js';
import { lists } from './list-operations.js';
import type { Operation } from './operation.js';
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
  {
    method: 'post',
    path: '/api/files/{fileId}/validations',
    id: 'submitAddresses',
    summary:
      'Submits addresses to the validator and registers its batches. Safe to repeat under an `Idempotency-Key` only.',
    headers: [IDEMPOTENCY_HEADER],
    body: validationBody(config.MAX_EMAILS_PER_VALIDATION),
    answers: [
      {
        status: 202,
        description: 'The validator has accepted them, or the list is stored and will be sent.',
        content: schemas.submitted,
        headers: { [IDEMPOTENCY_REPLAYED]: '`true`: the answer of an earlier request under the same key' },
      },
    ],
    codes: [
      'invalid_request',
      'forbidden',
      'file_not_found',
      'list_not_found',
      'file_exists',
      'payload_too_large',
      'rate_limited',
      'validator_not_configured',
      'validator_unavailable',
    ],
  },
  {
    method: 'post',
    path: '/api/files/{fileId}/validations/retry',
    id: 'retrySubmission',
    summary:
      'Sends the slices of a list again whose answers were lost, and goes on with a list that was stopped.',
    answers: [{ status: 202, description: 'They are sent again.', content: schemas.retried }],
    codes: [
      'invalid_request',
      'forbidden',
      'not_found',
      'file_not_found',
      'nothing_to_retry',
      'rate_limited',
      'validator_not_configured',
    ],
  },
  {
    method: 'post',
    path: '/api/updates',
    id: 'takeUpdate',
    summary: 'Takes one update of a batch. Answered after it is stored; safe to repeat.',
    body: schemas.update,
    answers: [{ status: 202, description: 'It is stored.', content: schemas.outcome }],
    codes: ['invalid_request', 'forbidden', 'file_not_found', 'payload_too_large'],
  },
];

const DEAD_LETTER = '/api/dead-letters/{id}';

const deadLetters = (): Operation[] => [
  {
    method: 'get',
    path: '/api/dead-letters',
    id: 'listDeadLetters',
    summary: 'Messages that could not be read, newest first, each payload cut at 64 KiB.',
    query: listQuery,
    answers: [{ status: 200, description: 'A page of the list.', content: schemas.deadLetterList }],
    codes: ['invalid_request', 'forbidden'],
  },
  {
    method: 'get',
    path: DEAD_LETTER,
    id: 'getDeadLetter',
    summary: 'One dead letter, with all of the payload that was kept.',
    answers: [{ status: 200, description: 'The message.', content: schemas.deadLetter }],
    codes: ['invalid_request', 'forbidden', 'not_found'],
  },
  {
    method: 'post',
    path: `${DEAD_LETTER}/replay`,
    id: 'replayDeadLetter',
    summary: 'Takes it like any update, then discards it. If it still cannot be read, it is kept.',
    answers: [{ status: 202, description: 'It is stored.', content: schemas.outcome }],
    codes: ['invalid_request', 'forbidden', 'not_found', 'payload_too_large'],
  },
  {
    method: 'delete',
    path: DEAD_LETTER,
    id: 'discardDeadLetter',
    summary: 'Discards it.',
    answers: [{ status: 204, description: 'It is discarded.' }],
    codes: ['invalid_request', 'forbidden', 'not_found'],
  },
];

const documents = (): Operation[] => [
  {
    method: 'get',
    path: '/api/openapi.json',
    id: 'getOpenApi',
    summary: 'This document.',
    answers: [{ status: 200, description: 'OpenAPI 3.1.', content: ['application/json'] }],
    codes: [],
  },
  {
    method: 'get',
    path: '/api/asyncapi.json',
    id: 'getAsyncApi',
    summary: 'The socket events and the Redis channels.',
    answers: [{ status: 200, description: 'AsyncAPI 3.0.', content: ['application/json'] }],
    codes: [],
  },
];

const health = (): Operation[] => [
  {
    method: 'get',
    path: '/livez',
    id: 'isAlive',
    summary: 'Whether the process answers.',
    answers: [{ status: 200, description: 'It does.', content: schemas.alive }],
    codes: [],
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'isReady',
    summary: 'Whether the gateway is ready for requests.',
    answers: [
      { status: 200, description: 'It is.', content: schemas.alive },
      { status: 503, description: 'It is not, and why.', content: schemas.notReady },
    ],
    codes: [],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'getMetrics',
    summary: 'Metrics in the text format of Prometheus: over loopback, else for the scope `admin`.',
    answers: [{ status: 200, description: 'The metrics.', content: ['text/plain'] }],
    codes: ['unauthorized', 'forbidden'],
  },
];
