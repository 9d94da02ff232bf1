import { listQuery } from '../parameters.js';
import type { Operation } from './operation.js';
import * as schemas from './schemas.js';

const LETTER = '/api/dead-letters/{id}';

export const deadLetters = (): Operation[] => [
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
    path: LETTER,
    id: 'getDeadLetter',
    summary: 'One of them, with all of the payload that was kept.',
    answers: [{ status: 200, description: 'The message.', content: schemas.deadLetter }],
    codes: ['invalid_request', 'forbidden', 'not_found'],
  },
  {
    method: 'post',
    path: `${LETTER}/replay`,
    id: 'replayDeadLetter',
    summary: 'Takes it in like any update and forgets it. What is still unreadable stays.',
    answers: [{ status: 202, description: 'It is stored.', content: schemas.outcome }],
    codes: ['invalid_request', 'forbidden', 'not_found', 'payload_too_large'],
  },
  {
    method: 'delete',
    path: LETTER,
    id: 'discardDeadLetter',
    summary: 'Throws it away.',
    answers: [{ status: 204, description: 'It is gone.' }],
    codes: ['invalid_request', 'forbidden', 'not_found'],
  },
];
