import { complete, result } from './harness.js';

const LONG = 'x'.repeat(10_000);
export const SECRET = 'victim@example.com';

export interface Case {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly status?: number;
  readonly code?: string;
  /** The fields named. */
  readonly fields?: readonly string[];
}

const page = (query: string, field: string): Case => ({
  name: `page ?${query.slice(0, 30)}`,
  path: `/api/files/f/emails?${query}`,
  fields: [field],
});
const post = (path: string, name: string, body: unknown, ...fields: string[]): Case => ({
  name: `POST ${path} ${name}`,
  method: 'POST',
  path: `/api${path}`,
  body,
  fields,
});

const NOT_OBJECTS: [string, string][] = [
  ['nothing', ''],
  ['half of JSON', `{"emails": ["${SECRET}"`],
  ['an array', `["${SECRET}"]`],
  ['a text', `"${SECRET}"`],
  ['null', 'null'],
  ['a number', '1e999'],
  ['NaN', 'NaN'],
  ['a form', `emails=${SECRET}`],
  ['a NUL', '\0'],
];
const BODIES = ['/files/f/validations', '/files/f/batches', '/files/f/batches/b/fail', '/updates'];

export const CASES: Case[] = [
  ...BODIES.flatMap((path) => NOT_OBJECTS.map(([name, body]) => post(path, `with ${name}`, body, 'body'))),

  ...[
    'NaN',
    '1e99',
    '-1',
    '0',
    '2.5',
    '',
    '%20',
    '+1',
    '1%00',
    '0x10',
    '9'.repeat(400),
    'Infinity',
    '٣',
    '007',
  ].flatMap((value) => [page(`page=${value}`, 'page'), page(`limit=${value}`, 'limit')]),
  page('limit=501', 'limit'),
  page('page=9007199254740993', 'page'),
  page('page[]=1', 'page'),
  page('page[$gt]=1', 'page'),
  page('page=1&page=2', 'page'),
  page('limit=5&%6cimit=6', 'limit'),
  page('status=Deliverable', 'status'),
  page('status=', 'status'),
  page('status=__proto__', 'status'),
  page('status=risky&status=unknown', 'status'),
  page('status=risky,', 'status'),
  page('status=risky;unknown', 'status'),
  page('risk=low,severe', 'risk'),
  page('reason=Invalid%20Domain', 'reason'),
  page('reason=invalid_domain,none', 'reason'),
  page('risk=severe', 'risk'),
  page('email=%zz', 'email'),
  page('email=%ed%a0%80', 'email'),
  page(`email=${'a'.repeat(1025)}`, 'email'),
  page(`email[]=${SECRET}`, 'email'),
  { name: 'format=xls', path: '/api/files/f/export?format=xls', fields: ['format'] },
  { name: 'format=CSV', path: '/api/files/f/export?format=CSV', fields: ['format'] },
  { name: 'bom=yes', path: '/api/files/f/export?bom=yes', fields: ['bom'] },
  { name: 'escape=0', path: '/api/files/f/export?escape=0', fields: ['escape'] },
  { name: 'export of a reason that is none', path: '/api/files/f/export?reason=good', fields: ['reason'] },
  { name: 'export of a status that is none', path: '/api/files/f/export?status=good', fields: ['status'] },
  ...['x', '%00', 'bnVsbA', 'eyJhIjoxfQ', 'e30=', LONG].flatMap((cursor) => [
    { name: `cursor ${cursor.slice(0, 12)}`, path: `/api/files?cursor=${cursor}`, fields: ['cursor'] },
    {
      name: `batch cursor ${cursor.slice(0, 12)}`,
      path: `/api/files/f/batches?cursor=${cursor}`,
      fields: ['cursor'],
    },
    {
      name: `dead-letter cursor ${cursor.slice(0, 12)}`,
      path: `/api/dead-letters?cursor=${cursor}`,
      fields: ['cursor'],
    },
  ]),

  ...['stats', 'emails', 'export', 'batches', ''].flatMap((view) => {
    const tail = view === '' ? '' : `/${view}`;
    return [
      { name: `id of 10 kB ${view}`, path: `/api/files/${LONG}${tail}`, fields: ['fileId'] },
      { name: `id with NUL ${view}`, path: `/api/files/a%00b${tail}`, fields: ['fileId'] },
      { name: `id with a line break ${view}`, path: `/api/files/a%0d%0ab${tail}`, fields: ['fileId'] },
      { name: `id with C1 control ${view}`, path: `/api/files/a%C2%85b${tail}`, fields: ['fileId'] },
      { name: `id badly encoded ${view}`, path: `/api/files/%zz${tail}`, fields: ['path'] },
      { name: `id in no UTF-8 ${view}`, path: `/api/files/%ff%fe${tail}`, fields: ['path'] },
      { name: `id that is a surrogate ${view}`, path: `/api/files/%ed%a0%80${tail}`, fields: ['path'] },
    ];
  }),
  ...['0', '501', '1e1', '', '-1'].map((limit) => ({
    name: `dead letters ?limit=${limit}`,
    path: `/api/dead-letters?limit=${limit}`,
    fields: ['limit'],
  })),
  ...[
    ['GET', ''],
    ['POST', '/replay'],
    ['DELETE', ''],
  ].flatMap(([method = '', tail]) => [
    {
      name: `${method} dead letter of 10 kB`,
      method,
      path: `/api/dead-letters/${LONG}${tail}`,
      fields: ['id'],
    },
    {
      name: `${method} dead letter with NUL`,
      method,
      path: `/api/dead-letters/a%00b${tail}`,
      fields: ['id'],
    },
    {
      name: `${method} dead letter badly encoded`,
      method,
      path: `/api/dead-letters/%zz${tail}`,
      fields: ['path'],
    },
    {
      name: `${method} dead letter that does not exist`,
      method,
      path: `/api/dead-letters/f${tail}`,
      status: 404,
      code: 'not_found',
    },
  ]),
  { name: 'DELETE with an id of 10 kB', method: 'DELETE', path: `/api/files/${LONG}`, fields: ['fileId'] },
  post('/files/f/batches/%00/fail', 'with a bad batch id', { reason: 'x' }, 'batchId'),

  post('/files/f/validations', 'without emails', {}, 'emails'),
  post('/files/f/validations', 'with neither emails nor a list', { emails: null, listId: null }, 'emails'),
  post('/files/f/validations', 'with emails that are none', { emails: SECRET }, 'emails'),
  post('/files/f/validations', 'with no emails', { emails: [] }, 'emails'),
  post(
    '/files/f/validations',
    'with emails of other types',
    { emails: ['a', null, 'b', 5] },
    'emails[1]',
    'emails[3]',
  ),
  post('/files/f/validations', 'with too many emails', { emails: Array(1001).fill('a') }, 'emails'),
  post(
    '/files/f/validations',
    'with a text for a flag',
    { emails: ['a'], flags: { check_mx: 'yes' } },
    'flags.check_mx',
  ),
  post(
    '/files/f/validations',
    'with an unknown flag',
    { emails: ['a'], flags: { check_smpt: true } },
    'flags',
  ),
  post('/files/f/validations', 'with a list of flags', { emails: ['a'], flags: [] }, 'flags'),

  post('/files/f/batches', 'without batches', {}, 'batches'),
  post('/files/f/batches', 'with no batches', { batches: [] }, 'batches'),
  post('/files/f/batches', 'with bare ids', { batches: ['b'] }, 'batches[0]'),
  post(
    '/files/f/batches',
    'with an empty id',
    { batches: [{ batchId: 'ok' }, { batchId: '' }] },
    'batches[1].batchId',
  ),
  post('/files/f/batches', 'with an id of 10 kB', { batches: [{ batchId: LONG }] }, 'batches[0].batchId'),
  post(
    '/files/f/batches',
    'with a lone surrogate',
    '{"batches":[{"batchId":"\\ud800"}]}',
    'batches[0].batchId',
  ),
  post(
    '/files/f/batches',
    'with half an address',
    { batches: [{ batchId: 'b', totalEmails: 0.5 }] },
    'batches[0].totalEmails',
  ),
  post(
    '/files/f/batches',
    'with a total below 0',
    { totalEmails: -1, batches: [{ batchId: 'b' }] },
    'totalEmails',
  ),
  post(
    '/files/f/batches',
    'with a total of 1e99',
    '{"totalEmails":1e99,"batches":[{"batchId":"b"}]}',
    'totalEmails',
  ),
  post(
    '/files/f/batches',
    'with a number for a request',
    { requestId: 7, batches: [{ batchId: 'b' }] },
    'requestId',
  ),
  post(
    '/files/f/batches',
    'with a control character in the user',
    { userId: 'a\nb', batches: [{ batchId: 'b' }] },
    'userId',
  ),

  post('/files/f/batches/f-b/fail', 'without a reason', {}, 'reason'),
  post('/files/f/batches/f-b/fail', 'with an empty reason', { reason: '' }, 'reason'),
  post('/files/f/batches/f-b/fail', 'with a long reason', { reason: LONG }, 'reason'),
  post('/files/f/batches/f-b/fail', 'with no text', { reason: [SECRET] }, 'reason'),

  post('/updates', 'without a batch', { ...complete('', [result(SECRET)]) }, 'batchId'),
  post('/updates', 'with a result that is none', complete('b', [SECRET]), 'validatedEmails[0]'),
  post('/updates', 'with a result of no address', complete('b', [{}]), 'validatedEmails[0].email'),
  post(
    '/updates',
    'with a count that is none',
    { ...complete('b', []), processedCount: '5' },
    'processedCount',
  ),

  ...[
    ['GET', '/api'],
    ['GET', '/api/nothing'],
    ['GET', '/api/files/f/nothing'],
    ['GET', '/api/files//stats'],
    ['GET', '/API/files'],
    ['GET', '/client/../package.json'],
    ['GET', '/..%2f..%2fpackage.json'],
    ['GET', '/.git/config'],
  ].map(
    ([method = '', path = '']): Case => ({
      name: `${method} ${path}`,
      method,
      path,
      status: 404,
      code: 'not_found',
    }),
  ),
  ...[
    ['PUT', '/api/files/f'],
    ['PATCH', '/api/updates'],
    ['GET', '/api/updates'],
    ['POST', '/livez'],
  ].map(
    ([method = '', path = '']): Case => ({
      name: `${method} ${path}`,
      method,
      path,
      status: 405,
      code: 'method_not_allowed',
    }),
  ),
  ...['', '/stats', '/emails', '/export', '/batches'].map(
    (view): Case => ({
      name: `no such file${view}`,
      path: `/api/files/g${view}`,
      status: 404,
      code: 'file_not_found',
    }),
  ),
  {
    name: 'no such file to delete',
    method: 'DELETE',
    path: '/api/files/g',
    status: 404,
    code: 'file_not_found',
  },
  {
    ...post('/files/g/batches/b/fail', 'of no file', { reason: 'x' }),
    status: 404,
    code: 'file_not_found',
  },
  { ...post('/files/f/batches/b/fail', 'of no batch', { reason: 'x' }), status: 404, code: 'not_found' },
  {
    ...post('/files/f/validations', 'with no validator', { emails: [SECRET] }),
    status: 501,
    code: 'validator_not_configured',
  },
];
