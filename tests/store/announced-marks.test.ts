import { expect, it } from '@jest/globals';
import { AnnouncedMarks } from '../../src/store/mongo/announced-marks.js';
import type { Models } from '../../src/store/mongo/models.js';
import { onTeardown } from '../support/teardown.js';

interface Write {
  readonly updateOne: { readonly filter: { readonly batchId: string; readonly version: number } };
}

/** A database that answers when the test says so, and what it was asked for: the batches of each command. */
function slowDatabase() {
  const commands: string[][] = [];
  const answers: (() => void)[] = [];
  const bulkWrite = (writes: readonly Write[]) => {
    commands.push(writes.map(({ updateOne: { filter } }) => `${filter.batchId} ${filter.version}`));
    return new Promise<void>((resolve) => void answers.push(resolve));
  };
  const db = { batches: { collection: { bulkWrite } } } as unknown as Models;
  const marks = new AnnouncedMarks({ run: (work) => work(db) });
  onTeardown(() => marks.close());
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    db,
    marks,
    commands,
    async answer() {
      answers.shift()?.();
      await turn();
    },
    turn,
  };
}

const versions = (count: number, version: number) =>
  new Map(Array.from({ length: count }, (_, i) => [`b${i}`, version] as const));

it('removes each mark once, few at a time, however often a slow database is asked for it', async () => {
  const { db, marks, commands, answer, turn } = slowDatabase();
  await marks.add(db, 'g', versions(40, 1));
  const calls = [marks.remove(db), marks.remove(db), marks.remove(db)];
  await turn();
  for (let answered = 0; answered < 3; answered++) {
    expect(commands).toHaveLength(answered + 1);
    await answer();
  }
  await Promise.all(calls);
  expect(commands.map((some) => some.length)).toEqual([16, 16, 8]);
  expect(new Set(commands.flat()).size).toBe(40);
});

it('leaves a mark to the update that has replaced it, and forgets none that is announced meanwhile', async () => {
  const { db, marks, commands, answer, turn } = slowDatabase();
  await marks.add(db, 'g', versions(18, 1));
  const removed = marks.remove(db);
  await turn();
  // Of the second command, while the first one is under way; and one of the first.
  marks.replaced({ batchId: 'b17', version: 2 });
  await marks.add(db, 'g', new Map([['b0', 2]]));
  await answer();
  await answer();
  await removed;
  expect(commands[1]).toEqual(['b16 1']);
  expect(marks.isAnnounced({ batchId: 'b0', generation: 'g', version: 2 })).toBe(true);
  expect(marks.isAnnounced({ batchId: 'b0', generation: 'other', version: 2 })).toBe(false);
  expect(marks.isAnnounced({ batchId: 'b1', generation: 'g', version: 1 })).toBe(false);
  // A save that is older than what is announced says nothing of that.
  marks.replaced({ batchId: 'b0', version: 1 });
  const again = marks.remove(db);
  await turn();
  await answer();
  await again;
  expect(commands[2]).toEqual(['b0 2']);
});
