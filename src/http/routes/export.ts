/** Exports: the results of a file, or its own list with the verdicts, as a download that is streamed at flat memory. */
import type { Express } from 'express';
import { begunAnew } from '../../auth/guard.js';
import type { FileId } from '../../domain/id.js';
import { InvalidInput } from '../../domain/invalid-input.js';
import { Fault } from '../../errors.js';
import type { ListReader } from '../../lists/list-reader.js';
import type { UploadedList } from '../../store/lists.js';
import type { ResultFilter } from '../../store/store.js';
import { orderFromText } from '../../submission/order.js';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { COLUMNS } from '../export/csv.js';
import { CONTENT_TYPES, encodeRows, encodingOf } from '../export/encoding.js';
import { attachment, downloadName, listNameWithoutExtension } from '../export/file-name.js';
import { ListMemory, listMemoryOf } from '../export/list-memory.js';
import { ADDED, type OriginalList, originalRows, type RowChoice } from '../export/original.js';
import { sendText } from '../export/send-text.js';
import { asWorkbook, checkSheet } from '../export/xlsx.js';
import { bytesOf } from '../lists/uploaded-list.js';
import { exportQuery, idIn, readQuery } from '../parameters.js';
import { RunningLimit } from '../running-limit.js';

export function exportRoutes(app: Express, deps: HttpDependencies, reader: ListReader): void {
  const { config, guard, rateLimit, store } = deps;
  const running = new RunningLimit({
    what: 'exports',
    ofCaller: ['MAX_EXPORTS_PER_CALLER', config.MAX_EXPORTS_PER_CALLER],
    ofAll: ['MAX_EXPORTS', config.MAX_EXPORTS],
  });
  const listMemory = new ListMemory(config.MAX_SHARED_BYTES);
  app.get('/api/files/:fileId/export', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { format, bom, escape: escaped, layout, ...filter } = readQuery(req, exportQuery);
    const isOfList = layout !== 'results';
    const isFiltered = Object.values(filter).some((wanted) => wanted !== undefined);
    if (isOfList && format === 'ndjson') throw noLayout(`${layout} needs format=csv or xlsx`);
    if (layout === 'unanswered' && isFiltered) throw noLayout('unanswered takes no filters');
    const caller = callerOf(req);
    const owned = await guard.authorize(caller, 'read', fileId);
    // A HEAD costs a search, too, where it asks for a workbook of what is found.
    rateLimit.consume(req, res);
    const list = await store.lists.ofFile(fileId);
    const original = isOfList ? await openOriginal(fileId, list, deps, reader) : null;
    const name = list === null ? fileId : listNameWithoutExtension(list.name);
    if (format === 'xlsx') await checkRoom(fileId, list, original, filter, deps);
    const sendHead = async () => {
      // Checked after the first rows are read, and all others are of the same request: the file may be another's since the
      // first look, and one that was deleted before them must not look like an empty one.
      const still = await guard.authorize(caller, 'read', fileId);
      if (still?.generation !== owned?.generation) throw begunAnew();
      if ((await store.files.find(fileId)) === null) throw new Fault('file_not_found');
      const hasHeader = original === null || list?.summary.header === true;
      res.setHeader('Content-Type', hasHeader || format !== 'csv' ? CONTENT_TYPES[format] : WITHOUT_HEADER);
      res.setHeader('Content-Disposition', attachment(downloadName(name, filter), format));
    };
    if (req.method === 'HEAD') {
      await sendHead();
      res.end();
      return;
    }
    const bytes = isOfList && list !== null ? await memoryFor(fileId, list, deps) : 0;
    const callerName = rateLimit.callerName(req);
    const end = running.begin(callerName);
    let giveBack = (): void => undefined;
    try {
      giveBack = listMemory.begin(callerName, bytes);
      const results = store.results.scan(fileId, filter);
      const text =
        original === null
          ? encodeRows(results, encodingOf({ format, bom, escape: escaped }))
          : originalRows(results, original, {
              format: format === 'xlsx' ? 'xlsx' : 'csv',
              bom,
              rows: rowsOf(layout, isFiltered),
            });
      const content = format === 'xlsx' ? asWorkbook(text) : text;
      await sendText(res, content, config.EXPORT_IDLE_MS, sendHead);
    } finally {
      giveBack();
      end();
    }
  });
}

/**
 * Bytes that an export in a layout of the list keeps in memory. A list has a result for each row at most; a file may have others
 * beside them without end. @throws InvalidInput where there are more than a list may have rows
 */
async function memoryFor(
  fileId: FileId,
  { summary }: UploadedList,
  { store, config }: HttpDependencies,
): Promise<number> {
  const results = (await store.results.page({ fileId, page: 1, limit: 1 }))?.total ?? 0;
  if (results > Math.max(config.MAX_LIST_ROWS, summary.rows))
    throw noLayout(
      `the file has ${results} results, more than a list has rows; MAX_LIST_ROWS allows ${config.MAX_LIST_ROWS}`,
    );
  return listMemoryOf(summary, results);
}

const rowsOf = (layout: string, isFiltered: boolean): RowChoice =>
  layout === 'unanswered' ? 'without-verdict' : isFiltered ? 'with-verdict' : 'all';

const WITHOUT_HEADER = 'text/csv; charset=utf-8; header=absent';

/** @throws InvalidInput where the file does not come from a list; Fault `file_not_found` */
async function openOriginal(
  fileId: FileId,
  list: UploadedList | null,
  { store: { files, lists, submissions } }: HttpDependencies,
  reader: ListReader,
): Promise<OriginalList> {
  if (list === null) {
    if ((await files.find(fileId)) === null) throw new Fault('file_not_found');
    throw noLayout('the file was not submitted as a list, or its addresses were deleted');
  }
  const { summary } = list;
  const submission = await submissions.ofFile(fileId);
  const order = submission === null ? null : orderFromText(submission.order);
  const column = order?.list?.column ?? summary.emailColumn ?? 0;
  return {
    rows: reader.rows(bytesOf(lists, list), summary),
    columns: summary.columns.length,
    column,
    delimiter: summary.delimiter ?? ',',
  };
}

/** @throws InvalidInput where the rows do not fit into a sheet */
async function checkRoom(
  fileId: FileId,
  list: UploadedList | null,
  original: OriginalList | null,
  filter: ResultFilter,
  { store }: HttpDependencies,
): Promise<void> {
  if (original !== null && list !== null)
    return checkSheet(list.summary.rows + 1, original.columns + ADDED.length);
  const page = await store.results.page({ fileId, page: 1, limit: 1, ...filter });
  checkSheet((page?.total ?? 0) + 1, COLUMNS.length);
}

const noLayout = (message: string): InvalidInput => new InvalidInput([{ field: 'layout', message }]);
