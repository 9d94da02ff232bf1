import { describe, expect, it } from '@jest/globals';
import { AddressError, parseAddress } from '../../src/redis/address.js';

const COMMON = { tls: false, username: undefined, password: undefined };
const at = (host: string, port = 6379) => ({ host, port });

describe('the address of Redis', () => {
  it.each([
    ['redis://h', { ...COMMON, topology: 'single', server: at('h'), database: 0 }],
    ['redis://h:1/', { ...COMMON, topology: 'single', server: at('h', 1), database: 0 }],
    [
      'redis://redis_1.internal:6380/15',
      { ...COMMON, topology: 'single', server: at('redis_1.internal', 6380), database: 15 },
    ],
    [
      'redis://127.0.0.1:65535/99',
      { ...COMMON, topology: 'single', server: at('127.0.0.1', 65_535), database: 99 },
    ],
    ['redis://[::1]:7/3', { ...COMMON, topology: 'single', server: at('::1', 7), database: 3 }],
    ['redis://[fe80::1]', { ...COMMON, topology: 'single', server: at('fe80::1'), database: 0 }],
    [
      'rediss://:pw@h',
      { ...COMMON, tls: true, password: 'pw', topology: 'single', server: at('h'), database: 0 },
    ],
    [
      'redis://jane:a%40b%2Fc%23d:e%25@h/1',
      {
        ...COMMON,
        username: 'jane',
        password: 'a@b/c#d:e%',
        topology: 'single',
        server: at('h'),
        database: 1,
      },
    ],
    [
      'redis-sentinel://a,b:2,[::1]:3/main',
      {
        ...COMMON,
        topology: 'sentinel',
        sentinels: [at('a', 26_379), at('b', 2), at('::1', 3)],
        name: 'main',
        database: 0,
      },
    ],
    [
      'rediss-sentinel://u:p@a:1/my.main-1/4',
      {
        tls: true,
        username: 'u',
        password: 'p',
        topology: 'sentinel',
        sentinels: [at('a', 1)],
        name: 'my.main-1',
        database: 4,
      },
    ],
    ['redis-cluster://a:1,b', { ...COMMON, topology: 'cluster', nodes: [at('a', 1), at('b')] }],
    [
      'rediss-cluster://:p@a:1/',
      { ...COMMON, tls: true, password: 'p', topology: 'cluster', nodes: [at('a', 1)] },
    ],
  ])('%s is read', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    ['', /begin/],
    ['localhost:6379', /begin/],
    ['http://h', /begin/],
    ['REDIS://h', /begin/],
    ['redis-cluster:/h', /begin/],
    ['redis+sentinel://h/n', /begin/],
    ['redis://', /host/],
    ['redis:///1', /host/],
    ['redis://:secret@', /host/],
    ['redis://:secret@/1', /host/],
    ['redis://a..b', /host/],
    ['redis://-a', /host/],
    ['redis://a b', /blank/],
    ['redis://h\n', /blank/],
    ['redis://ü', /blank/],
    ['redis://999.0.0.1', /host/],
    ['redis://127.0.0', /host/],
    ['redis://::1', /host/],
    ['redis://[::x]', /host/],
    ['redis://[::1', /host/],
    ['redis://h:', /port/],
    ['redis://h:0', /port/],
    ['redis://h:65536', /port/],
    ['redis://h:6379x', /port/],
    ['redis://h:-1', /port/],
    ['redis://h:99999999999', /port/],
    ['redis://h/cache', /database/],
    ['redis://h/-1', /database/],
    ['redis://h/1.5', /database/],
    ['redis://h/65536', /database/],
    ['redis://h/99999999999', /database/],
    ['redis://h/0/1', /parts/],
    ['redis://h?db=1', /blank/],
    ['redis://h/1?family=6', /blank/],
    ['redis://a:1,b:2', /several/],
    ['redis://secret@h', /user:password/],
    ['redis://u:se@cret@h', /encoded/],
    ['redis://u:se#cret@h', /encoded/],
    ['redis://u:se/cret@h', /host|port|parts/],
    ['redis://u:se?cret@h', /encoded/],
    ['redis://u:se[cret@h', /encoded/],
    ['redis://u:se%cret@h', /encoded/],
    ['redis://u:%ff@h', /UTF-8/],
    ['redis-sentinel://h:1', /name/],
    ['redis-sentinel://h:1/', /name/],
    ['redis-sentinel://h:1//2', /name/],
    ['redis-sentinel://h:1/a%20b', /name/],
    ['redis-sentinel://h:1/n/x', /database/],
    ['redis-sentinel://h:1/n/1/2', /parts/],
    ['redis-sentinel://h:1,/n', /host/],
    ['redis-cluster://h:1/0', /database/],
    ['redis-cluster://h:1/cache', /database/],
    ['redis-cluster://h:1,,i:2', /host/],
    ['redis-cluster://,h', /host/],
  ])('%j is refused, without a word of it', (text, why) => {
    let refusal: unknown;
    try {
      parseAddress(text);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(AddressError);
    const { message } = refusal as AddressError;
    expect(message).toMatch(why);
    for (const part of ['secret', 'cret', 'cache', '999', 'ü'])
      if (text.includes(part)) expect(message).not.toContain(part);
  });
});
