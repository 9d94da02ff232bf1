import type { LookUp } from '../pipeline/pipeline.js';

/** Where updates come in without anybody asking for an answer. */
export interface Inlet {
  /** Begins to take updates in. What they come from may be away: it is waited for behind everybody's back. */
  start(): void;
  /** What it lacks to do its work, in words for `/readyz`; none: it works. */
  problems(): string[];
  /**
   * Takes no more. Fulfilled once what was taken is stored, or left where another gateway finds it. Calling it twice is a
   * no-op.
   */
  close(): Promise<void>;
}

/** All inlets of a gateway that nobody has to ask. */
export interface Inlets extends Inlet {
  /** For `watchSilence`: looks batches up before their stall is announced. */
  readonly lookUp: LookUp;
}
