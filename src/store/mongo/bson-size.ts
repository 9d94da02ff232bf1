/** Servers refuse documents that are nested beyond 100 levels; a result's details start some levels deep. */
export const MAX_DEPTH = 64;

/**
 * Bytes that a value which was parsed from `json` takes in BSON, without its own type and name; NaN: BSON cannot hold it as
 * it is. The driver counts them as well, and takes as long over it as over five times parsing it.
 */
export const bsonSize = (json: string, value: unknown): number =>
  sizeOf(value, MAX_DEPTH + 1, isPlain(json) ? lengthOf : Buffer.byteLength);

/** Each of its characters is a byte, and stands for itself. */
const isPlain = (json: string): boolean => !json.includes('\\u') && Buffer.byteLength(json) === json.length;
const lengthOf = (text: string): number => text.length;

/** What BSON adds: a length and an end to whatever holds others, a type and the end of the name to each of these. */
const CONTAINER_BYTES = 5;
const NAME_BYTES = 2;

function sizeOf(value: unknown, depth: number, bytesOf: (text: string) => number): number {
  if (typeof value === 'string') return CONTAINER_BYTES + bytesOf(value);
  if (typeof value === 'number') return isInt32(value) ? 4 : 8;
  if (typeof value === 'boolean') return 1;
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return Number.NaN;
  let size = CONTAINER_BYTES;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++)
      size += NAME_BYTES + String(index).length + sizeOf(value[index], depth - 1, bytesOf);
    return size;
  }
  for (const key of Object.keys(value)) {
    if (isUnsafeKey(key)) return Number.NaN;
    size += NAME_BYTES + bytesOf(key) + sizeOf((value as Record<string, unknown>)[key], depth - 1, bytesOf);
  }
  return size;
}

const isInt32 = (value: number): boolean => (value | 0) === value && !Object.is(value, -0);

/** A key that cannot be written, or means something to the driver. */
export const isUnsafeKey = (key: string): boolean =>
  key === '' ||
  key === '__proto__' ||
  key === '_bsontype' ||
  key.startsWith('$') ||
  key.includes('.') ||
  key.includes('\0');
