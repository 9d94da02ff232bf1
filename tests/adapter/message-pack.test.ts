/** Which MessagePack messages are decoded: none that makes more of itself than it has bytes. */
import { describe, expect, it } from '@jest/globals';
import msgpack from 'notepack.io';
import { messageFilter } from '../../src/adapter/message-filters.js';
import { isOneValue } from '../../src/adapter/message-pack.js';

const VALUES: readonly unknown[] = [
  [null, true, false, 0, 127, 128, 65_535, 65_536, 2 ** 40, -1, -32, -33, -129, -40_000, -(2 ** 40), 0.5],
  ['', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(256), 'ä'.repeat(40_000)],
  [Buffer.alloc(3), Buffer.alloc(300), Buffer.alloc(70_000), new ArrayBuffer(5), new Date(1.5e12), undefined],
  [Array(15).fill(1), Array(16).fill({ a: [] }), Array(70_000).fill('x'), {}, { a: { b: [1, { c: 'd' }] } }],
  Object.fromEntries(Array.from({ length: 70_000 }, (_, n) => [`k${n}`, n])),
  ['uid', { type: 2, nsp: '/', data: ['event', { n: 1 }] }, { rooms: ['r'], except: [], flags: {} }],
];

const bytes = (...parts: (number | readonly number[] | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(typeof part === 'number' ? [part] : [...part])));
/** A list that says it has 32 million entries. */
const LONG = [0xdd, 2, 0, 0, 0];

describe('a MessagePack message', () => {
  it.each(VALUES.map((value, n) => [n, value]))('of the encoder is decoded (%#)', (_, value) => {
    const message: Buffer = msgpack.encode(value);
    expect(isOneValue(message)).toBe(true);
    for (const end of [1, 2, 3, message.length - 1]) expect(isFine(message.subarray(0, end))).toBe(false);
    expect(isFine(bytes(message, 0))).toBe(false);
  });

  it.each([
    ['a list', bytes(LONG)],
    ['lists in one another', bytes(LONG, LONG, LONG)],
    ['a list behind others', bytes(0x92, 1, LONG)],
    ['a map', bytes(0xdf, 2, 0, 0, 0)],
    ['a text', bytes(0xdb, 2, 0, 0, 0)],
    ['an extension', bytes(0xc9, [2, 0, 0, 0], 0)],
    // The decoder goes on behind twelve bytes of it.
    ['a list in a timestamp', bytes(0xc7, 30, 0xff, Buffer.alloc(12), LONG, Buffer.alloc(13))],
  ])('is refused undecoded where it is shorter than it says: %s', (_, message) => {
    let decoded = 0;
    const isWellFormed = messageFilter('key', () => ++decoded);
    expect(isFine(message)).toBe(false);
    expect(isWellFormed('key#/#room#', message)).toBe(false);
    expect(decoded).toBe(0);
  });
});

function isFine(message: Buffer): boolean {
  try {
    return isOneValue(message);
  } catch {
    return false;
  }
}
