/** The bytes of a list, wherever they are kept: they can be read again, and from any place. */
export interface ByteSource {
  readonly size: number;
  /**
   * The bytes from an offset on, in pieces of any size. A piece is its reader's alone: where it is a whole buffer, the reader may
   * hand that on to another thread.
   */
  read(from?: number): AsyncIterable<Uint8Array>;
}
