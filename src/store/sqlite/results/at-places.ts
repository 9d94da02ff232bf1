/** Reads results that lie anywhere in a file, by their places. */
import type { PlacedResult } from '../../../domain/result.js';
import type { Database } from '../database.js';
import { type ChunkRow, LIST_PLACES, type ListRow, PLACES } from './results.js';

/** Bytes of chunks that are read in one go, unless one has more. */
const CHUNK_BYTES_AT_ONCE = 8 * 2 ** 20;

/**
 * The results at some places, in their order: in a fixed number of reads however far apart they are, and in one portion,
 * unless their chunks are very large.
 */
export function* resultsAtPlaces(
  db: Database,
  places: readonly number[],
): Generator<readonly PlacedResult[], void> {
  if (places.length === 0) return;
  const located = db.all<{ place: number; chunk: number; bytes: number }>(
    `SELECT p.value AS place, c.place AS chunk, octet_length(c.body) AS bytes FROM json_each(?) AS p
     CROSS JOIN chunks AS c ON c.place = (SELECT max(place) FROM chunks WHERE place <= p.value) ORDER BY p.key`,
    JSON.stringify(places),
  );
  const batchIds = new Map(
    db
      .all<Pick<ListRow, 'number' | 'batchId'>>(
        'SELECT number, batchId FROM batches WHERE number IN (SELECT value FROM json_each(?))',
        JSON.stringify([...new Set(places.map(batchOfPlace))]),
      )
      .map(({ number, batchId }) => [number, batchId]),
  );
  for (const portion of portionsOf(located)) {
    const lines = new Map(
      db
        .all<ChunkRow>(
          'SELECT place, body FROM chunks WHERE place IN (SELECT value FROM json_each(?))',
          JSON.stringify([...new Set(portion.map(({ chunk }) => chunk))]),
        )
        .map(({ place, body }) => [place, body.split('\n')]),
    );
    yield portion.flatMap(({ place, chunk }) => {
      const json = lines.get(chunk)?.[place - chunk];
      const batchId = batchIds.get(batchOfPlace(place));
      return json === undefined || batchId === undefined
        ? []
        : [{ batchId, position: place % LIST_PLACES, json }];
    });
  }
}

type Located = { readonly place: number; readonly chunk: number; readonly bytes: number };

/** Places in their order, as many together as their chunks may have bytes. */
function portionsOf(located: readonly Located[]): Located[][] {
  const portions: Located[][] = [];
  let chunks = new Set<number>();
  let bytes = 0;
  for (const next of located) {
    const added = chunks.has(next.chunk) ? 0 : next.bytes;
    if (portions.length === 0 || (added > 0 && bytes + added > CHUNK_BYTES_AT_ONCE)) {
      portions.push([]);
      chunks = new Set();
      bytes = 0;
    }
    bytes += chunks.has(next.chunk) ? 0 : next.bytes;
    chunks.add(next.chunk);
    portions.at(-1)?.push(next);
  }
  return portions;
}

const batchOfPlace = (place: number): number => Math.floor(place / PLACES);
