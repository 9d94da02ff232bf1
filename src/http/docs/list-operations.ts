/** The operations on uploaded lists, as OpenAPI describes them. */
import { listUploadQuery, listViewQuery } from '../parameters.js';
import { created, del, get, noContent, type Operation, ok, post } from './operation.js';
import * as schemas from './schemas.js';

const LIST = '/api/lists/{listId}';

export const lists = (): Operation[] => [
  post(
    '/api/lists',
    'uploadList',
    'Takes a list as people have it (CSV, text, .xlsx) and says what is in it. Nothing is submitted.',
    {
      query: listUploadQuery,
      rawBody: [
        'text/csv',
        'text/plain',
        'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      ],
      answers: [created('What was found.', schemas.uploadedList, { Location: 'where it is' })],
      codes: ['no_addresses', 'payload_too_large', 'unsupported_list', 'rate_limited'],
    },
  ),
  get('/api/limits', 'getLimits', 'How large a list may be.', {
    answers: [ok('The limits.', schemas.limits)],
  }),
  get(LIST, 'getList', 'What was found, again. `column`: counts what another column would send.', {
    query: listViewQuery,
    answers: [ok('What was found.', schemas.uploadedList)],
    codes: ['list_not_found', 'rate_limited'],
  }),
  del(
    LIST,
    'deleteList',
    'Deletes a list that no file uses. One that a file uses is deleted with the file.',
    {
      answers: [noContent('It is deleted.')],
      codes: ['list_not_found'],
    },
  ),
];
