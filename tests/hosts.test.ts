import { describe, expect, it, test } from '@jest/globals';
import { hostCheck, hostPattern } from '../src/hosts.js';

interface Asked {
  readonly host?: string | readonly string[];
  readonly url?: string;
  readonly httpVersion?: string;
}

const ask =
  (allowedHosts: readonly string[], { origins = [] as string[], isOpen = true } = {}) =>
  ({ host = [], url = '/', httpVersion = '1.1' }: Asked): string | null => {
    const rawHeaders = [host].flat().flatMap((value, i) => [i % 2 === 0 ? 'Host' : 'hOsT', value]);
    return hostCheck({ allowedHosts, origins, isOpen })({ rawHeaders, url, httpVersion })?.code ?? null;
  };

const LOOPBACK = [
  'localhost',
  'LocalHost:3000',
  'localhost.',
  'app.localhost',
  'a.b.localhost:1',
  '127.0.0.1',
  '127.0.0.1:3000',
  '127.255.255.254:65535',
  '[::1]',
  '[::1]:3000',
  '[0:0:0:0:0:0:0:1]:3000',
];
const OTHERS = [
  'evil.example',
  'evil.example:3000',
  'localhost.evil.example',
  'evillocalhost',
  '.localhost',
  'localhost..',
  '127.0.0.1.evil.example',
  '128.0.0.1',
  '0.0.0.0:3000',
  '10.0.0.1',
  '[::2]',
  '[::]',
  '::1',
  '[::1',
  '127.1',
  '2130706433',
  '0x7f000001',
  'localhost@evil.example',
  'localhost/evil',
  'localhost evil.example',
  'localhost,evil.example',
  'localhost:evil',
  '',
  '*',
];

describe('without tokens', () => {
  test.each(LOOPBACK)('loopback is allowed: %s', (host) => {
    expect(ask([])({ host })).toBeNull();
  });

  test.each(OTHERS)('anything else is refused: %s', (host) => {
    expect(ask([])({ host })).toBe('forbidden');
  });

  const both =
    'verigate.example, *.apps.example, api.example:8443, 192.0.2.7, 10.1.0.0/16, fd00::5, [fd00::6]:80';
  const allowed = both.split(', ');
  test.each([
    ['verigate.example', null],
    ['VERIGATE.example.:3000', null],
    ['www.verigate.example', 'forbidden'],
    ['one.apps.example', null],
    ['one.apps.example:3000', null],
    ['apps.example', 'forbidden'],
    ['one.two.apps.example', 'forbidden'],
    ['.apps.example', 'forbidden'],
    ['api.example:8443', null],
    ['api.example:8444', 'forbidden'],
    ['api.example', 'forbidden'],
    ['192.0.2.7:3000', null],
    ['192.0.2.8', 'forbidden'],
    ['10.1.255.1:3000', null],
    ['10.2.0.1', 'forbidden'],
    ['[fd00::5]:3000', null],
    ['[fd00:0::0:5]', null],
    ['[fd00::6]:80', null],
    ['[fd00::6]:81', 'forbidden'],
    ['localhost', null],
  ])('with ALLOWED_HOSTS=%s as listed', (host, code) => {
    expect(ask(allowed)({ host })).toBe(code);
  });

  it('* allows every host that is one', () => {
    expect(ask(['*'])({ host: 'any.example:3000' })).toBeNull();
    expect(ask(['*'])({ host: 'me@any.example' })).toBe('forbidden');
  });

  it('the hosts of CORS_ORIGINS are allowed, and * among them names none', () => {
    const origins = ['https://app.example', 'http://[fd00::9]:8080', '*'];
    for (const host of ['app.example', 'app.example:3000', '[fd00::9]'])
      expect(ask([], { origins })({ host })).toBeNull();
    expect(ask([], { origins })({ host: 'evil.example' })).toBe('forbidden');
  });

  it('every host counts that a request names', () => {
    expect(ask([])({ host: ['localhost', 'evil.example'] })).toBe('forbidden');
    expect(ask([])({ host: ['localhost', 'localhost'] })).toBe('invalid_request');
    expect(ask([])({ host: 'localhost', url: 'http://evil.example/api/files' })).toBe('forbidden');
    expect(ask([])({ host: 'localhost', url: 'http://localhost@evil.example/' })).toBe('forbidden');
    expect(ask([])({ host: 'evil.example', url: 'http://localhost/api/files' })).toBe('forbidden');
    expect(ask([])({ host: 'localhost', url: 'evil.example:443' })).toBe('forbidden');
    expect(ask([])({ host: 'localhost', url: 'http://127.0.0.1:3000/api/files' })).toBeNull();
    expect(ask([])({ host: 'localhost', url: '*' })).toBeNull();
  });

  it('only HTTP/1.0 may name none: no browser speaks it', () => {
    expect(ask([])({ httpVersion: '1.0' })).toBeNull();
    expect(ask([])({ httpVersion: '1.1' })).toBe('invalid_request');
  });
});

test('with tokens any host will do, once', () => {
  const check = ask([], { isOpen: false });
  expect(check({ host: 'any.example' })).toBeNull();
  expect(check({ host: 'any.example', url: 'http://other.example/' })).toBeNull();
  expect(check({ host: ['any.example', 'any.example'] })).toBe('invalid_request');
});

test.each([
  'a.example',
  'gateway_1',
  'gateway-1:3000',
  '::1',
  '[::1]:3000',
  '10.0.0.0/8',
  'fd00::/8',
  '*',
  '*.a.example:80',
])('ALLOWED_HOSTS may hold %s', (text) => {
  expect(hostPattern(text)).not.toBeNull();
});
