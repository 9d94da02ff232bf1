/** Explains to a caller who was too slow that another one has claimed the new file at the same time, and owns it. */
import type { Guard } from '../auth/guard.js';
import type { FileId } from '../domain/id.js';
import { Fault } from '../errors.js';
import type { FileStore } from '../store/store.js';

interface OwnerRace {
  /**
   * Passes on what a step of the registration answers or throws. A file of another owner looks like one that does not
   * exist. But if it did not exist when this request came, two callers have claimed it at once, and the slower one is told so.
   * @throws Fault `file_exists` in place of `file_not_found`
   */
  explainRefusal<T>(step: Promise<T>): Promise<T>;
}

/** `arrivedAt`: when the request came. A file that was created since then was claimed at the same time. */
export async function watchOwnerRace(
  guard: Pick<Guard, 'isOpen'>,
  files: Pick<FileStore, 'find'>,
  fileId: FileId,
  arrivedAt: number,
): Promise<OwnerRace> {
  // Without tokens no caller is refused.
  if (guard.isOpen) return { explainRefusal: (step) => step };
  const isNew = (await files.find(fileId)) === null;
  const isCreatedSince = async (): Promise<boolean> => {
    const facts = await files.find(fileId);
    return facts !== null && Date.parse(facts.createdAt) >= arrivedAt;
  };
  return {
    explainRefusal: async (step) => {
      try {
        return await step;
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'file_not_found') throw error;
        if (!isNew && !(await isCreatedSince())) throw error;
        throw new Fault('file_exists', 'another caller has claimed this file at the same time');
      }
    },
  };
}
