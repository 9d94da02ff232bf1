export interface FileKeys {
  /** Hash: where the feed stands and, as `b:{batchId}`, what was announced of each batch. */
  readonly head: string;
  /** Stream: the kept `emails` events under the id `{revision}-0`. */
  readonly history: string;
  /** Channel: what followers are told, see `message.ts`. */
  readonly messages: string;
}

/**
 * The keys of one file share a hash tag, so that a cluster keeps them on one node. The id is encoded: a brace in it would
 * end the tag too early, and keys of two files must differ wherever the ids do.
 */
export function keysOf(prefix: string, fileId: string): FileKeys {
  const base = `${prefix}feed:{${encodeURIComponent(fileId)}}`;
  return { head: `${base}:head`, history: `${base}:history`, messages: `${base}:news` };
}

export const batchField = (batchId: string): string => `b:${batchId}`;

/** The keys that the scripts work on, in their order. */
export const scriptKeys = ({ head, history }: FileKeys): string[] => [head, history];
