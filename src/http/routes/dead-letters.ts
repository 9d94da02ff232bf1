/** Dead letters: the messages that no inlet could read. An operator lists, replays or discards them. */
import type { Express } from 'express';
import { z } from 'zod';
import { InvalidInput } from '../../domain/invalid-input.js';
import { VALIDATOR } from '../../domain/ownership.js';
import { idSchema } from '../../domain/schemas.js';
import { Fault } from '../../errors.js';
import type { DeadLetter } from '../../store/dead-letters.js';
import { decodeCursor, pageAnswer } from '../cursor.js';
import type { HttpDependencies } from '../dependencies.js';
import { idIn, listQuery, readQuery } from '../parameters.js';
import { sendJson } from '../responses.js';

const LISTED_BYTES = 64 * 1024;
const deadLetterCursor = z.object({ id: idSchema });

export function deadLetterRoutes(app: Express, { answers, intake, store }: HttpDependencies): void {
  app.get('/api/dead-letters', async (req, res) => {
    const { limit, cursor } = readQuery(req, listQuery);
    const after = decodeCursor(cursor, deadLetterCursor)?.id ?? null;
    const deadLetters = await store.deadLetters.list({ limit: limit + 1, after, payloadBytes: LISTED_BYTES });
    await answers.send(
      res,
      pageAnswer(deadLetters, limit, listItemOf, ({ id }) => ({ id })),
    );
  });

  app.get('/api/dead-letters/:id', async (req, res) => {
    const deadLetter = foundOr404(await store.deadLetters.find(idIn(req, 'id')));
    await answers.send(res, JSON.stringify(listItemOf(deadLetter)));
  });

  // A replay that fails keeps the dead letter. If only discarding it fails, the next replay changes nothing and discards it.
  app.post('/api/dead-letters/:id/replay', async (req, res) => {
    const { id, payload, truncated } = foundOr404(await store.deadLetters.find(idIn(req, 'id')));
    if (truncated) {
      throw new InvalidInput([{ field: 'payload', message: 'was too large to be kept whole' }]);
    }
    const outcome = await intake.update(Buffer.from(payload), VALIDATOR);
    await store.deadLetters.discard(id);
    sendJson(res, JSON.stringify({ outcome }), 202);
  });

  app.delete('/api/dead-letters/:id', async (req, res) => {
    if (!(await store.deadLetters.discard(idIn(req, 'id')))) throw notFound();
    res.status(204).end();
  });
}

const notFound = () => new Fault('not_found', 'there is no such dead letter');

function foundOr404(deadLetter: DeadLetter | null): DeadLetter {
  if (deadLetter === null) throw notFound();
  return deadLetter;
}

/** Without `truncated`: the reason says so. */
const listItemOf = ({ id, inlet, reason, receivedAt, payload }: DeadLetter) => ({
  id,
  inlet,
  reason,
  receivedAt,
  payload,
});
