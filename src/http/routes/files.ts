/** Files: their list, snapshot, stats, pages of results, and deletion. */
import type { Express, Request, Response } from 'express';
import { z } from 'zod';
import { claimantOf } from '../../auth/access-rules.js';
import type { Principal } from '../../auth/principal.js';
import type { FileId } from '../../domain/id.js';
import { overviewOf } from '../../domain/overview.js';
import { idSchema } from '../../domain/schemas.js';
import { Fault } from '../../errors.js';
import { GivenAway } from '../../snapshot/snapshots.js';
import type { ListedFile } from '../../store/store.js';
import { callerOf } from '../access.js';
import { decodeCursor, encodeCursor, pageOf } from '../cursor.js';
import type { HttpDependencies } from '../dependencies.js';
import { LongWork } from '../long-work.js';
import { breakdownQuery, emailsQuery, idIn, listQuery, readQuery } from '../parameters.js';
import { sendJson } from '../responses.js';

const fileCursor = z.object({ createdAt: z.iso.datetime(), fileId: idSchema });

export function fileRoutes(
  app: Express,
  { answers, breakdowns, config, guard, intake, rateLimit, snapshots, store }: HttpDependencies,
): void {
  const deletions = new LongWork<boolean>(config.ANSWER_WITHIN_MS);
  const readerOf = (req: Request, res: Response) => ({
    caller: rateLimit.callerName(req),
    isWanted: () => !res.destroyed,
  });
  app.get('/api/files', async (req, res) => {
    const { limit, cursor } = readQuery(req, listQuery);
    const caller = callerOf(req);
    await guard.authorize(caller, 'read');
    const files = await store.files.list({
      limit: limit + 1,
      after: decodeCursor(cursor, fileCursor),
      viewer: guard.viewerOf(caller),
    });
    const { items, last } = pageOf(files, limit);
    const stats = await Promise.all(items.map((file) => statsOf(file, caller)));
    const next = last === null ? null : { createdAt: last.facts.createdAt, fileId: last.facts.fileId };
    const nextCursor = next === null ? 'null' : `"${encodeCursor(next)}"`;
    // A file that was deleted meanwhile has no stats.
    await answers.send(
      res,
      `{"items":[${stats.filter((text) => text !== null).join(',')}],"nextCursor":${nextCursor}}`,
    );
  });

  app.get('/api/stats', async (req, res) => {
    const caller = callerOf(req);
    await guard.authorize(caller, 'read');
    const { counts, lastUpdated } = await store.files.overview(guard.viewerOf(caller));
    sendJson(res, JSON.stringify(overviewOf(counts, lastUpdated)));
  });

  app.get('/api/files/:fileId/stats', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const stats = await guard.readAuthorized(callerOf(req), fileId, () => statsOrNotFound(snapshots, fileId));
    sendJson(res, stats);
  });

  app.get('/api/files/:fileId', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { stats, emails, batches } = await guard.readAuthorized(callerOf(req), fileId, async () => {
      const found = await snapshots.snapshot(fileId, readerOf(req, res));
      if (found === null) throw new Fault('file_not_found');
      return { ...found, batches: JSON.stringify(await store.files.batchCounts(fileId)) };
    });
    await answers.send(res, `{"stats":${stats},"emails":${emails},"batches":${batches}}`);
  });

  app.get('/api/files/:fileId/emails', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const query = readQuery(req, emailsQuery);
    const page = await guard.readAuthorized(callerOf(req), fileId, () => {
      if (query.email !== undefined) rateLimit.consume(req, res);
      return snapshots.page({ fileId, ...query }, readerOf(req, res));
    });
    if (page === null) throw new Fault('file_not_found');
    await answers.send(res, page);
  });

  app.get('/api/files/:fileId/breakdown', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const query = readQuery(req, breakdownQuery);
    const found = await guard.readAuthorized(callerOf(req), fileId, () =>
      breakdowns.of({ fileId, ...query }, rateLimit.callerName(req), () => rateLimit.consume(req, res)),
    );
    if (found === null) throw new Fault('file_not_found');
    await answers.send(res, JSON.stringify(found));
  });

  app.delete('/api/files/:fileId', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const caller = callerOf(req);
    await guard.authorize(caller, 'remove');
    // A file that is being deleted has no owner any more who may ask for it.
    const remove = async () => {
      await guard.authorize(caller, 'remove', fileId);
      return intake.remove(fileId, claimantOf(caller));
    };
    const isGone = async () => (await store.files.find(fileId)) === null;
    const key = JSON.stringify([fileId, claimantOf(caller)]);
    if (!(await deletions.run(key, remove, isGone))) throw new Fault('file_not_found');
    res.status(204).end();
  });

  /** Null: the file was deleted meanwhile, or the caller may not see it any more. */
  async function statsOf({ facts, stats, isPending }: ListedFile, caller: Principal): Promise<string | null> {
    if (!isPending && stats !== null) return stats;
    const { fileId } = facts;
    try {
      return await guard.readAuthorized(caller, fileId, () => snapshots.stats(fileId));
    } catch (error) {
      if (error instanceof Fault && error.code === 'file_not_found') return null;
      // The registration that gives it away is not over yet.
      if (error instanceof GivenAway && !isPending) return null;
      throw error;
    }
  }
}

/** The JSON of a file's stats. @throws Fault `file_not_found` */
export async function statsOrNotFound(
  snapshots: HttpDependencies['snapshots'],
  fileId: FileId,
): Promise<string> {
  const stats = await snapshots.stats(fileId);
  if (stats === null) throw new Fault('file_not_found');
  return stats;
}
