/** Registrations of a caller for a file, and how they are refused where another caller owns it. */
import type { Guard } from '../auth/guard.js';
import type { FileId } from '../domain/id.js';
import { Fault } from '../errors.js';
import type { FileStore } from '../store/store.js';

interface FileClaim {
  /**
   * Passes the answer of a step of the registration on. A file of another owner looks like one that does not exist, unless
   * it did not exist when this request came: then two have claimed it at once, and the slower one is told so.
   * @throws Fault `file_exists` in place of `file_not_found`
   */
  settle<T>(step: Promise<T>): Promise<T>;
}

/** What comes after the request's arrival counts as at once. */
export async function beginClaim(
  guard: Pick<Guard, 'isOpen'>,
  files: Pick<FileStore, 'find'>,
  fileId: FileId,
  arrivedAt: number,
): Promise<FileClaim> {
  // Without tokens no caller is refused.
  if (guard.isOpen) return { settle: (step) => step };
  const isNew = (await files.find(fileId)) === null;
  const isCreatedSince = async (): Promise<boolean> => {
    const facts = await files.find(fileId);
    return facts !== null && Date.parse(facts.createdAt) >= arrivedAt;
  };
  return {
    settle: async (step) => {
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
