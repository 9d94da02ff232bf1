import { Fault } from '../errors.js';
import type { Conflator } from '../pipeline/conflator.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Registered, Registration, Saved } from '../store/store.js';
import type { Intake } from './intake.js';
import type { UpdateReader } from './update-reader.js';

/** The inlet of requests: whoever brings something is told what became of it, so nothing is put aside here. */
export class HttpIntake implements Intake {
  constructor(
    private readonly pipeline: Pipeline,
    private readonly conflator: Conflator,
    private readonly reader: UpdateReader,
    private readonly maxUpdateBytes: number,
  ) {}

  async update(bytes: Uint8Array, isFound = false): Promise<Saved['outcome']> {
    if (bytes.byteLength > this.maxUpdateBytes) {
      throw new Fault('payload_too_large', `an update may have ${this.maxUpdateBytes} bytes`);
    }
    const update = this.reader.read(bytes);
    const outcome = await this.conflator.take(isFound ? { ...update, isFound } : update, bytes.byteLength);
    // Its file may be deleted: nothing of it is to be remembered.
    if (outcome === 'superseded') this.reader.forget(update.batchId);
    return outcome;
  }

  register(registration: Registration): Promise<Registered> {
    return this.pipeline.register(registration);
  }

  fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    return this.pipeline.fail(fileId, batchId, reason);
  }

  async remove(fileId: string): Promise<boolean> {
    try {
      return await this.pipeline.remove(fileId);
    } finally {
      // Which of the batches were its own matters less than that none of them is left.
      this.reader.forgetAll();
    }
  }
}
