import { InvalidInput } from '../domain/invalid-input.js';
import { readUpdate } from '../domain/read-update.js';
import type { Update } from '../domain/update.js';
import { Fault } from '../errors.js';
import type { Conflator } from '../pipeline/conflator.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Registered, Registration, Saved } from '../store/store.js';
import type { Intake } from './intake.js';

/** The inlet of requests: whoever brings something is told what became of it, so nothing is put aside here. */
export class HttpIntake implements Intake {
  constructor(
    private readonly pipeline: Pipeline,
    private readonly conflator: Conflator,
    private readonly maxUpdateBytes: number,
  ) {}

  async update(bytes: Uint8Array, isFound = false): Promise<Saved['outcome']> {
    if (bytes.byteLength > this.maxUpdateBytes) {
      throw new Fault('payload_too_large', `an update may have ${this.maxUpdateBytes} bytes`);
    }
    const update = parseUpdate(bytes);
    return this.conflator.take(isFound ? { ...update, isFound } : update, bytes.byteLength);
  }

  register(registration: Registration): Promise<Registered> {
    return this.pipeline.register(registration);
  }

  fail(fileId: string, batchId: string, reason: string): Promise<boolean> {
    return this.pipeline.fail(fileId, batchId, reason);
  }

  remove(fileId: string): Promise<boolean> {
    return this.pipeline.remove(fileId);
  }
}

const decoder = new TextDecoder();

/** @throws InvalidInput where the bytes are not an update */
export function parseUpdate(bytes: Uint8Array): Update {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    // The parser's message repeats a part of its input.
    throw new InvalidInput([{ field: 'body', message: 'must be JSON' }]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInput([{ field: 'body', message: 'must be a JSON object' }]);
  }
  try {
    return readUpdate(value);
  } catch (error) {
    // Serialising follows the nesting of `details`; parsing does not.
    if (error instanceof RangeError)
      throw new InvalidInput([{ field: 'validatedEmails', message: 'is nested too deeply' }]);
    throw error;
  }
}
