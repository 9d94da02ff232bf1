import type { FilesQuery, ListedFile } from '../store.js';
import type { Bind, Database } from './database.js';
import { factsOf, type GenerationRow } from './generations.js';

const STANDING = 'SELECT * FROM generations WHERE state = 0';
const NEWEST_FIRST = 'ORDER BY created_at DESC, file_id DESC';

/** Files, newest first. One's own and the named ones are two lists, each cut before they are put together. */
export function listFiles(db: Database, { limit, after, viewer = null }: FilesQuery): ListedFile[] {
  const beyond = after === null ? '' : 'AND (created_at, file_id) < (?, ?)';
  const from: Bind[] = after === null ? [] : [Date.parse(after.createdAt), after.fileId];
  const part = (condition: string) =>
    `SELECT * FROM (${STANDING} ${condition} ${beyond} ${NEWEST_FIRST} LIMIT ?)`;
  const rows =
    viewer === null
      ? db.all<GenerationRow>(`${STANDING} ${beyond} ${NEWEST_FIRST} LIMIT ?`, ...from, limit)
      : db.all<GenerationRow>(
          `SELECT * FROM (${part('AND user_id = ?')} UNION ${part('AND file_id IN (SELECT value FROM json_each(?))')})
           ${NEWEST_FIRST} LIMIT ?`,
          ...[viewer.userId, ...from, limit],
          ...[JSON.stringify(viewer.fileIds), ...from, limit],
          limit,
        );
  return rows.map((row) => ({ facts: factsOf(row), stats: row.stats }));
}
