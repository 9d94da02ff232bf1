/** The operations on files and their batches, as OpenAPI describes them. */
import { batchListBody, failBody } from '../body-schemas.js';
import { XLSX_TYPE } from '../export/xlsx.js';
import { batchesQuery, breakdownQuery, emailsQuery, exportQuery, listQuery } from '../parameters.js';
import type { Operation } from './operation.js';
import * as schemas from './schemas.js';

const FILE = '/api/files/{fileId}';

export const files = (): Operation[] => [
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
    path: '/api/stats',
    id: 'getOverview',
    summary: 'What all files that the caller may see add up to.',
    answers: [{ status: 200, description: 'The sums.', content: schemas.overview }],
    codes: ['forbidden'],
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
      'A page of results in arrival order. `status`, `risk` and `reason` take several values. `email` matches the start of the address or of its domain (with a leading `@` of its domain only), whatever its case.',
    query: emailsQuery,
    answers: [
      { status: 200, description: 'The page; empty after the last one.', content: schemas.emailsPage },
    ],
    codes: ['invalid_request', 'file_not_found', 'rate_limited'],
  },
  {
    method: 'get',
    path: `${FILE}/export`,
    id: 'exportFile',
    summary:
      'The results that pass the filters as a download, or with `layout=original` the uploaded list with its verdicts, or with `layout=unanswered` those of its rows that have none. If the connection breaks off, the download is incomplete.',
    query: exportQuery,
    answers: [
      {
        status: 200,
        description: 'The results.',
        content: ['text/csv', 'application/x-ndjson', XLSX_TYPE],
        headers: { 'Content-Disposition': 'names the download after the list or the file, and the filter' },
      },
    ],
    codes: ['invalid_request', 'file_not_found', 'rate_limited'],
  },
  {
    method: 'get',
    path: `${FILE}/breakdown`,
    id: 'getBreakdown',
    summary:
      'The results by domain, provider, score, attribute or reason. Domains and providers are counted once the file has ended; `complete` is false until then.',
    query: breakdownQuery,
    answers: [{ status: 200, description: 'The breakdown.', content: schemas.breakdown }],
    codes: ['invalid_request', 'file_not_found', 'rate_limited'],
  },
  {
    method: 'delete',
    path: FILE,
    id: 'deleteFile',
    summary: 'Deletes a file and every trace of its addresses.',
    answers: [{ status: 204, description: 'It is deleted.' }],
    codes: ['invalid_request', 'forbidden', 'file_not_found'],
  },
];

export const batches = (): Operation[] => [
  {
    method: 'post',
    path: `${FILE}/batches`,
    id: 'registerBatches',
    summary: 'Registers batches that were submitted elsewhere. Repeating it changes nothing.',
    body: batchListBody,
    answers: [{ status: 201, description: 'They are registered.', content: schemas.registered }],
    codes: ['invalid_request', 'forbidden', 'file_not_found', 'file_exists', 'payload_too_large'],
  },
  {
    method: 'get',
    path: `${FILE}/batches`,
    id: 'listBatches',
    summary: 'The batches of the current request with their statuses, newest first.',
    query: batchesQuery,
    answers: [{ status: 200, description: 'A page of the list.', content: schemas.batchList }],
    codes: ['invalid_request', 'file_not_found'],
  },
  {
    method: 'post',
    path: `${FILE}/batches/{batchId}/fail`,
    id: 'failBatch',
    summary:
      'Marks a batch as failed that will get no more updates. An update that comes anyway is still applied.',
    body: failBody,
    answers: [{ status: 200, description: 'The stats of the file.', content: schemas.stats }],
    codes: ['invalid_request', 'forbidden', 'file_not_found', 'not_found', 'payload_too_large'],
  },
];
