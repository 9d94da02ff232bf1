/** Pauses new changes of a file for a moment, until a reader has its stats and results of one revision. */
import type { FileId } from '../domain/id.js';

interface Pause {
  readers: number;
  readonly over: Promise<void>;
  readonly end: () => void;
}

export class ChangeGate {
  readonly #files = new Map<FileId, Pause>();

  /** New changes of the file wait until the returned function is called; those that are being stored go on. */
  pause(fileId: FileId): () => void {
    const pause = this.#files.get(fileId) ?? newPause();
    this.#files.set(fileId, pause);
    pause.readers++;
    return () => {
      pause.readers--;
      if (pause.readers > 0) return;
      this.#files.delete(fileId);
      pause.end();
    };
  }

  /** Fulfilled once the file is not paused. */
  async opened(fileId: FileId): Promise<void> {
    await this.#files.get(fileId)?.over;
  }
}

function newPause(): Pause {
  let end = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { readers: 0, over, end };
}
