import { batchListBody, failBody, validationBody } from '../body-schemas.js';
import type { HttpConfig } from '../dependencies.js';
import { batchesQuery, emailsQuery, exportQuery, listQuery } from '../parameters.js';
import { deadLetters } from './dead-letter-operations.js';
import type { Operation } from './operation.js';
import { IDEMPOTENCY_HEADER } from './parameters.js';
import * as schemas from './schemas.js';

/** Every route, for people and programs; a test compares it with the routes that there are. */
export function operations(config: HttpConfig): Operation[] {
  return [...files(), ...batches(), ...inlets(config), ...deadLetters(), ...documents(), ...health()];
}

const FILE = '/api/files/{fileId}';

const files = (): Operation[] => [
  {
    method: 'get',
    path: '/api/files',
    id: 'listFiles',
    summary: 'The stats of all files, newest first.',
    query: listQuery,
    answers: [{ status: 200, description: 'A page of the list.', content: schemas.fileList }],
    codes: ['invalid_request'],
  },
  {
    method: 'get',
    path: FILE,
    id: 'getFile',
    summary: 'The snapshot: the stats and the first page of results.',
    answers: [{ status: 200, description: 'The file.', content: schemas.snapshot }],
    codes: ['invalid_request', 'file_not_found'],
  },
  {
    method: 'get',
    path: `${FILE}/stats`,
    id: 'getStats',
    summary: 'The totals of a file, always absolute.',
    answers: [{ status: 200, description: 'The stats.', content: schemas.stats }],
    codes: ['invalid_request', 'file_not_found'],
  },
  {
    method: 'get',
    path: `${FILE}/emails`,
    id: 'listEmails',
    summary:
      'A page of results in arrival order. `email` matches the start of the address, whatever its case.',
    query: emailsQuery,
    answers: [
      { status: 200, description: 'The page; empty behind the last one.', content: schemas.emailsPage },
    ],
    codes: ['invalid_request', 'file_not_found', 'rate_limited'],
  },
  {
    method: 'get',
    path: `${FILE}/export`,
    id: 'exportFile',
    summary: 'All results as a download. An answer that breaks off is not whole.',
    query: exportQuery,
    answers: [{ status: 200, description: 'The results.', content: ['text/csv', 'application/x-ndjson'] }],
    codes: ['invalid_request', 'file_not_found', 'rate_limited'],
  },
  {
    method: 'delete',
    path: FILE,
    id: 'deleteFile',
    summary: 'Deletes a file and every trace of its addresses.',
    answers: [{ status: 204, description: 'It is gone.' }],
    codes: ['invalid_request', 'forbidden', 'file_not_found'],
  },
];

const batches = (): Operation[] => [
  {
    method: 'post',
    path: `${FILE}/batches`,
    id: 'registerBatches',
    summary: 'Registers batches that were submitted elsewhere. Repeating it changes nothing.',
    body: batchListBody,
    answers: [{ status: 201, description: 'They are registered.', content: schemas.registered }],
    codes: ['invalid_request', 'forbidden', 'payload_too_large'],
  },
  {
    method: 'get',
    path: `${FILE}/batches`,
    id: 'listBatches',
    summary: 'The batches of the latest request, newest first, and how each stands.',
    query: batchesQuery,
    answers: [{ status: 200, description: 'A page of the list.', content: schemas.batchList }],
    codes: ['invalid_request', 'file_not_found'],
  },
  {
    method: 'post',
    path: `${FILE}/batches/{batchId}/fail`,
    id: 'failBatch',
    summary: 'Ends a batch that will never answer. News that comes after all is still taken.',
    body: failBody,
    answers: [{ status: 200, description: 'The stats of the file.', content: schemas.stats }],
    codes: ['invalid_request', 'forbidden', 'file_not_found', 'not_found', 'payload_too_large'],
  },
];

const inlets = (config: HttpConfig): Operation[] => [
  {
    method: 'post',
    path: `${FILE}/validations`,
    id: 'submitAddresses',
    summary:
      'Submits addresses to the validator and registers its batches. Safe to repeat under an `Idempotency-Key` only.',
    headers: [IDEMPOTENCY_HEADER],
    body: validationBody(config.MAX_EMAILS_PER_VALIDATION),
    answers: [{ status: 202, description: 'The validator has taken them.', content: schemas.submitted }],
    codes: [
      'invalid_request',
      'forbidden',
      'payload_too_large',
      'rate_limited',
      'validator_not_configured',
      'validator_unavailable',
    ],
  },
  {
    method: 'post',
    path: '/api/updates',
    id: 'takeUpdate',
    summary: 'Takes in one update of a batch. Answered after it is stored; safe to repeat.',
    body: schemas.update,
    answers: [{ status: 202, description: 'It is stored.', content: schemas.outcome }],
    codes: ['invalid_request', 'forbidden', 'payload_too_large'],
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
    summary: 'Whether the gateway is to be sent work.',
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
    summary: 'Figures in the text format of Prometheus: over loopback, else for the scope `admin`.',
    answers: [{ status: 200, description: 'The figures.', content: ['text/plain'] }],
    codes: ['unauthorized', 'forbidden'],
  },
];
