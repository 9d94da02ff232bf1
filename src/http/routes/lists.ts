/** Uploaded lists: taken in, described and deleted. A list is its uploader's alone. */
import type { Express, Request } from 'express';
import type { z } from 'zod';
import { InvalidInput } from '../../domain/invalid-input.js';
import { Fault } from '../../errors.js';
import type { ListReader } from '../../lists/list-reader.js';
import type { UploadedList } from '../../store/lists.js';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import type { limits } from '../docs/schemas.js';
import { upload } from '../lists/upload.js';
import { bytesOf, listAnswer, listNameOf } from '../lists/uploaded-list.js';
import { idIn, listUploadQuery, listViewQuery, readQuery } from '../parameters.js';
import { sendJson } from '../responses.js';
import { RunningLimit } from '../running-limit.js';

/** How large a list may be, uploaded and as `emails`. */
type Limits = z.infer<typeof limits>;

export function listRoutes(
  app: Express,
  { config, listTtlMs, guard, rateLimit, store: { lists } }: HttpDependencies,
  reader: ListReader,
): void {
  const running = new RunningLimit({
    what: 'uploads and counts',
    ofCaller: ['MAX_UPLOADS_PER_CALLER', config.MAX_UPLOADS_PER_CALLER],
    ofAll: ['MAX_UPLOADS', config.MAX_UPLOADS],
  });
  /** A list of the caller's. @throws Fault `list_not_found` */
  const listOf = async (req: Request): Promise<UploadedList> => {
    await guard.authorize(callerOf(req), 'submit');
    const list = await lists.find(idIn(req, 'listId'));
    if (list === null || list.userId !== callerOf(req).sub) throw new Fault('list_not_found');
    return list;
  };

  app.post('/api/lists', async (req, res) => {
    const { sub: userId } = callerOf(req);
    await guard.authorize(callerOf(req), 'submit');
    const name = listNameOf(readQuery(req, listUploadQuery).name);
    rateLimit.consume(req, res);
    const options = { store: lists, reader, limits: config, ttlMs: listTtlMs };
    const caller = rateLimit.callerName(req);
    await running.during(caller, async () => {
      const list = await upload(req, { caller, userId, name }, options);
      res.setHeader('Location', `/api/lists/${list.listId}`);
      sendJson(res, JSON.stringify(listAnswer(list)), 201);
    });
  });

  // Said before an upload, so that no caller sends 64 MiB to hear that they are too many.
  app.get('/api/limits', async (req, res) => {
    await guard.authorize(callerOf(req), 'submit');
    const { MAX_LIST_BYTES: listBytes, MAX_LIST_ROWS: listRows, MAX_EMAILS_PER_VALIDATION: emails } = config;
    sendJson(res, JSON.stringify({ listBytes, listRows, emails } satisfies Limits));
  });

  app.get('/api/lists/:listId', async (req, res) => {
    const list = await listOf(req);
    const { column } = readQuery(req, listViewQuery);
    if (column === undefined || column === list.summary.emailColumn)
      return sendJson(res, JSON.stringify(listAnswer(list)));
    if (column >= list.summary.columns.length)
      throw new InvalidInput([{ field: 'column', message: 'the list has no such column' }]);
    rateLimit.consume(req, res);
    const caller = rateLimit.callerName(req);
    const counts = await running.during(caller, () =>
      reader.counts(caller, bytesOf(lists, list), list.summary, column),
    );
    sendJson(res, JSON.stringify(listAnswer(list, counts)));
  });

  app.delete('/api/lists/:listId', async (req, res) => {
    const list = await listOf(req);
    // The file needs the list for its `original` export, so the list is deleted with the file.
    if (list.fileId !== null) throw inUse();
    if (!(await lists.remove(list.listId))) throw new Fault('list_not_found');
    res.status(204).end();
  });
}

const inUse = (): InvalidInput =>
  new InvalidInput([{ field: 'listId', message: 'belongs to a file, and is deleted with it' }]);
