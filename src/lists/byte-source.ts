/** The bytes of a list, wherever they are kept: they can be read again, and from any place. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from an offset on, in pieces of any size. */
  read(from?: number): AsyncIterable<Uint8Array>;
}
