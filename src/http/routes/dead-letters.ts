import type { Express } from 'express';
import { z } from 'zod';
import { InvalidInput } from '../../domain/invalid-input.js';
import { idSchema } from '../../domain/schemas.js';
import { Fault } from '../../errors.js';
import type { DeadLetter } from '../../store/dead-letters.js';
import { decodeCursor, encodeCursor, pageOf } from '../cursor.js';
import type { HttpDependencies } from '../dependencies.js';
import { listQuery, readQuery } from '../parameters.js';
import { idIn } from '../params.js';
import { sendJson } from '../send-json.js';

const LISTED_BYTES = 64 * 1024;
const letterCursor = z.object({ id: idSchema });

/** What the inlets could not read, for whoever mends it: looked at, taken in after all, or thrown away. */
export function deadLetterRoutes(app: Express, { intake, store }: HttpDependencies): void {
  app.get('/api/dead-letters', async (req, res) => {
    const { limit, cursor } = readQuery(req, listQuery);
    const after = decodeCursor(cursor, letterCursor)?.id ?? null;
    const letters = await store.deadLetters.list({ limit: limit + 1, after, payloadBytes: LISTED_BYTES });
    const { items, last } = pageOf(letters, limit);
    const nextCursor = last === null ? null : encodeCursor({ id: last.id });
    sendJson(res, JSON.stringify({ items: items.map(shown), nextCursor }));
  });

  app.get('/api/dead-letters/:id', async (req, res) => {
    sendJson(res, JSON.stringify(shown(known(await store.deadLetters.find(idIn(req, 'id'))))));
  });

  // Whatever goes wrong here leaves the letter where it is. If only discarding it fails, the next replay finds that its
  // update changes nothing.
  app.post('/api/dead-letters/:id/replay', async (req, res) => {
    const { id, payload, truncated } = known(await store.deadLetters.find(idIn(req, 'id')));
    if (truncated) {
      throw new InvalidInput([{ field: 'payload', message: 'was too large to be kept whole' }]);
    }
    const outcome = await intake.update(Buffer.from(payload));
    await store.deadLetters.discard(id);
    sendJson(res, JSON.stringify({ outcome }), 202);
  });

  app.delete('/api/dead-letters/:id', async (req, res) => {
    if (!(await store.deadLetters.discard(idIn(req, 'id')))) throw missing();
    res.status(204).end();
  });
}

const missing = () => new Fault('not_found', 'there is no such dead letter');

function known(letter: DeadLetter | null): DeadLetter {
  if (letter === null) throw missing();
  return letter;
}

/** That it was cut is said in its reason. */
const shown = ({ id, inlet, reason, receivedAt, payload }: DeadLetter) => ({
  id,
  inlet,
  reason,
  receivedAt,
  payload,
});
