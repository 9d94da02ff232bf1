import { expect, it } from '@jest/globals';
import { idsIn } from '../../src/domain/message-ids.js';

it.each([
  ['{"fileId":"f","batchId":"b"}', 'f', 'b'],
  ['{"batchId":"b"}', null, 'b'],
  ['{ "fileId" :\n "f" ,', 'f', null],
  ['{"batchId":"b","fileId":"f","batchId":"c"}', 'f', 'c'],
  ['{"details":{"fileId":"inner"},"fileId":"outer"}', 'outer', null],
  ['garbage "batchId":"b" garbage', null, 'b'],
  ['"fileId":"a\\"b\\\\"', 'a"b\\', null],
  ['"fileId":"\\ud83d\\ude00é"', '😀é', null],
  [JSON.stringify(JSON.stringify({ fileId: 'f' })), 'f', null],
  [`{"fileId":"${'x'.repeat(256)}",`, 'x'.repeat(256), null],
  // No ids.
  ['', null, null],
  ['null', null, null],
  ['{"fileId":null,"batchId":7}', null, null],
  ['{"fileId":"","batchId":"a\\nb"}', null, null],
  ['"fileId":"\\ud83d"', null, null],
  ['"fileId":"f', null, null],
  ['\\"fileId\\":\\"f\\"', null, null],
  [`{"fileId":"${'x'.repeat(257)}",`, null, null],
])('reads %j', (payload, fileId, batchId) => {
  expect(idsIn(payload)).toEqual({ fileId, batchId });
});

it('looks at a hostile message of any size for a short time only', () => {
  const hostile = [
    '"fileId":"',
    '"fileId"  :  ',
    '"fileId":"\\',
    '\\"fileId":"\\"',
    '[',
    '{"a":',
    '"batchId":"\\u00',
  ];
  for (const text of hostile) {
    const before = performance.now();
    idsIn(text.repeat(Math.ceil((4 * 2 ** 20) / text.length)));
    // A fraction of a second; whatever grows faster than the message would take hours.
    expect(performance.now() - before).toBeLessThan(30_000);
  }
});

it('looks at an id of escapes without end for a short time only', () => {
  const before = process.cpuUsage();
  for (const piece of ['\\u00e9', '\\u00e', '\\n', '\\'])
    expect(idsIn(`{"fileId":"${piece.repeat(30)}`)).toEqual({ fileId: null, batchId: null });
  const { user, system } = process.cpuUsage(before);
  // With two readings of each escape it is half a minute, and for ever where they are forty.
  expect((user + system) / 1e3).toBeLessThan(500);
  const tooLong = `{"batchId":"${'\\u00e9'.repeat(1_000)}"}`;
  expect(idsIn(tooLong)).toEqual({ fileId: null, batchId: null });
});

it('reads a long message without parsing it, whatever is nested in it', () => {
  const nested = `{"batchId":"b","fileId":"f","validatedEmails":${'['.repeat(8 * 2 ** 20)}`;
  // Parsing it takes more than a second of CPU time.
  const before = process.cpuUsage();
  expect(idsIn(nested)).toEqual({ fileId: 'f', batchId: 'b' });
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e3).toBeLessThan(500);
  const twice = JSON.stringify(JSON.stringify({ batchId: 'b', fileId: 'f', text: 'x'.repeat(100_000) }));
  expect(idsIn(twice)).toEqual({ fileId: 'f', batchId: 'b' });
});
