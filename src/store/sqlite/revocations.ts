/** The revocations of users' tokens, in SQLite. The mark is the number of the newest row. */
import type { Revocation } from '../revocations.js';
import type { Database } from './database.js';

function addRevocation(db: Database, { sub, at }: Revocation): void {
  const kept = db.get<{ at: number }>('SELECT at FROM revocations WHERE sub = ?', sub);
  if (kept !== undefined && kept.at >= at) return;
  db.run('INSERT OR REPLACE INTO revocations (sub, at) VALUES (?, ?)', sub, at);
}

function revocationsSince(db: Database, mark: number | null) {
  const rows = db.all<Revocation & { number: number }>(
    'SELECT number, sub, at FROM revocations WHERE number > ? ORDER BY number',
    mark ?? 0,
  );
  return {
    revocations: rows.map(({ sub, at }) => ({ sub, at })),
    mark: rows.at(-1)?.number ?? mark ?? 0,
  };
}

export const revocationWrites = { add: addRevocation };
export const revocationReads = { since: revocationsSince };
