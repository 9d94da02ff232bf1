/** Files whose new changes wait for a moment, until a reader has stats and results of one revision. */
import type { FileId } from '../domain/id.js';

interface Hold {
  holders: number;
  readonly released: Promise<void>;
  readonly release: () => void;
}

export class Holds {
  readonly #files = new Map<FileId, Hold>();

  /** New changes of the file wait until the returned function is called; those that are being stored go on. */
  hold(fileId: FileId): () => void {
    const hold = this.#files.get(fileId) ?? newHold();
    this.#files.set(fileId, hold);
    hold.holders++;
    return () => {
      hold.holders--;
      if (hold.holders > 0) return;
      this.#files.delete(fileId);
      hold.release();
    };
  }

  /** Fulfilled once the file is not held. */
  async released(fileId: FileId): Promise<void> {
    await this.#files.get(fileId)?.released;
  }
}

function newHold(): Hold {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { holders: 0, released, release };
}
