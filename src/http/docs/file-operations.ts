/** The operations on files and their batches, as OpenAPI describes them. */
import { batchListBody, failBody } from '../body-schemas.js';
import { XLSX_TYPE } from '../export/xlsx.js';
import { batchesQuery, breakdownQuery, emailsQuery, exportQuery, listQuery } from '../parameters.js';
import { created, del, get, noContent, type Operation, ok, post } from './operation.js';
import * as schemas from './schemas.js';

const FILE = '/api/files/{fileId}';

export const files = (): Operation[] => [
  get('/api/files', 'listFiles', 'The stats of all files, newest first.', {
    query: listQuery,
    answers: [ok('A page of the list.', schemas.fileList)],
  }),
  get('/api/stats', 'getOverview', 'What all files that the caller may see add up to.', {
    answers: [ok('The sums.', schemas.overview)],
  }),
  get(
    FILE,
    'getFile',
    'The snapshot: the stats and the first page of results. Of very large results it has fewer; `pagination.limit` says how many.',
    {
      answers: [ok('The file.', schemas.snapshot)],
      codes: ['file_not_found', 'rate_limited'],
    },
  ),
  get(`${FILE}/stats`, 'getStats', 'The totals of a file, always absolute.', {
    answers: [ok('The stats.', schemas.stats)],
    codes: ['file_not_found'],
  }),
  get(
    `${FILE}/emails`,
    'listEmails',
    'A page of results in arrival order. `status`, `risk` and `reason` take several values. `email` matches the start of the address or of its domain (with a leading `@` of its domain only), whatever its case.',
    {
      query: emailsQuery,
      answers: [ok('The page; empty after the last one.', schemas.emailsPage)],
      codes: ['file_not_found', 'payload_too_large', 'rate_limited'],
    },
  ),
  get(
    `${FILE}/export`,
    'exportFile',
    'The results that pass the filters as a download, or with `layout=original` the uploaded list with its verdicts, or with `layout=unanswered` those of its rows that have none. If the connection breaks off, the download is incomplete.',
    {
      query: exportQuery,
      answers: [
        ok('The results.', ['text/csv', 'application/x-ndjson', XLSX_TYPE], {
          'Content-Disposition': 'names the download after the list or the file, and the filter',
        }),
      ],
      codes: ['file_not_found', 'rate_limited'],
    },
  ),
  get(
    `${FILE}/breakdown`,
    'getBreakdown',
    'The results by domain, provider, score, attribute or reason. Domains and providers are counted once the file has ended; `complete` is false until then.',
    {
      query: breakdownQuery,
      answers: [ok('The breakdown.', schemas.breakdown)],
      codes: ['file_not_found', 'rate_limited'],
    },
  ),
  del(FILE, 'deleteFile', 'Deletes a file and every trace of its addresses.', {
    answers: [noContent('It is deleted.')],
    codes: ['file_not_found'],
  }),
];

export const batches = (): Operation[] => [
  post(
    `${FILE}/batches`,
    'registerBatches',
    'Registers batches that were submitted elsewhere. Repeating it changes nothing.',
    {
      body: batchListBody,
      answers: [created('They are registered.', schemas.registered)],
      codes: ['file_not_found', 'file_exists', 'payload_too_large'],
    },
  ),
  get(
    `${FILE}/batches`,
    'listBatches',
    'The batches of the current request with their statuses, newest first.',
    {
      query: batchesQuery,
      answers: [ok('A page of the list.', schemas.batchList)],
      codes: ['file_not_found'],
    },
  ),
  post(
    `${FILE}/batches/{batchId}/fail`,
    'failBatch',
    'Marks a batch as failed that will get no more updates. An update that comes anyway is still applied.',
    {
      body: failBody,
      answers: [ok('The stats of the file.', schemas.stats)],
      codes: ['file_not_found', 'not_found', 'payload_too_large'],
    },
  ),
];
