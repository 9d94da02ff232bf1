/** The operations on uploaded lists, as OpenAPI describes them. */
import { listUploadQuery, listViewQuery } from '../parameters.js';
import type { Operation } from './operation.js';
import * as schemas from './schemas.js';

const LIST = '/api/lists/{listId}';

export const lists = (): Operation[] => [
  {
    method: 'post',
    path: '/api/lists',
    id: 'uploadList',
    summary:
      'Takes a list as people have it (CSV, text, .xlsx) and says what is in it. Nothing is submitted.',
    query: listUploadQuery,
    rawBody: ['text/csv', 'text/plain', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    answers: [
      {
        status: 201,
        description: 'What was found.',
        content: schemas.uploadedList,
        headers: { Location: 'where it is' },
      },
    ],
    codes: [
      'invalid_request',
      'no_addresses',
      'forbidden',
      'payload_too_large',
      'unsupported_list',
      'rate_limited',
    ],
  },
  {
    method: 'get',
    path: '/api/limits',
    id: 'getLimits',
    summary: 'How large a list may be.',
    answers: [{ status: 200, description: 'The limits.', content: schemas.limits }],
    codes: ['forbidden'],
  },
  {
    method: 'get',
    path: LIST,
    id: 'getList',
    summary: 'What was found, again. `column`: counts what another column would send.',
    query: listViewQuery,
    answers: [{ status: 200, description: 'What was found.', content: schemas.uploadedList }],
    codes: ['invalid_request', 'forbidden', 'list_not_found', 'rate_limited'],
  },
  {
    method: 'delete',
    path: LIST,
    id: 'deleteList',
    summary: 'Deletes a list that no file uses. One that a file uses is deleted with the file.',
    answers: [{ status: 204, description: 'It is deleted.' }],
    codes: ['invalid_request', 'forbidden', 'list_not_found'],
  },
];
