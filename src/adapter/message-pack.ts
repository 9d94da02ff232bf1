/** Looks over a MessagePack message before it is decoded: the decoder makes an array as long as the message says that it is. */

/** How many bytes behind the first one say a length, for types whose length is not in the first byte. */
const LENGTH_BYTES: Readonly<Record<number, number>> = {
  196: 1,
  197: 2,
  198: 4,
  199: 1,
  200: 2,
  201: 4,
  217: 1,
  218: 2,
  219: 4,
  220: 2,
  221: 4,
  222: 2,
  223: 4,
};
/** Of values of a fixed length, how many bytes follow the first one: numbers, and extensions with their type. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  192: 0,
  194: 0,
  195: 0,
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
  212: 2,
  213: 3,
  214: 5,
  215: 9,
  216: 17,
};
const TIMESTAMP = -1;
/** The decoder reads so many bytes of a timestamp, whatever length it says. */
const TIMESTAMP_BYTES = 12;

/** Whether the bytes are one value, and each list and text in it is as long as it says. @throws RangeError where a length is cut off */
export function isOneValue(bytes: Buffer): boolean {
  let at = 0;
  // Each takes a byte at least, so all lists together are no longer than the message.
  for (let toCome = 1; toCome > 0; toCome--) {
    if (toCome > bytes.length - at) return false;
    const type = bytes.readUInt8(at++);
    const fixed = FIXED_BYTES[type];
    const lengthBytes = LENGTH_BYTES[type];
    if (type < 0x80 || type >= 0xe0) continue;
    if (type < 0x90) toCome += 2 * (type & 0x0f);
    else if (type < 0xa0) toCome += type & 0x0f;
    else if (type < 0xc0) at += type & 0x1f;
    else if (fixed !== undefined) at += fixed;
    else if (lengthBytes === undefined) return false;
    else {
      const length = bytes.readUIntBE(at, lengthBytes);
      at += lengthBytes;
      if (type >= 0xde) toCome += 2 * length;
      else if (type >= 0xdc) toCome += length;
      else if (type < 0xc7 || type > 0xc9) at += length;
      else if (bytes.readInt8(at++) === TIMESTAMP && length !== TIMESTAMP_BYTES) return false;
      else at += length;
    }
  }
  return at === bytes.length;
}
