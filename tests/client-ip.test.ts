import { describe, expect, it } from '@jest/globals';
import { clientIpBehind } from '../src/client-ip.js';

const from = (remoteAddress: string, forwarded?: string | string[]) => ({
  socket: { remoteAddress },
  headers: forwarded === undefined ? {} : ({ 'x-forwarded-for': forwarded } as Record<string, string>),
});

describe('the address of a caller', () => {
  it('is that of the connection where no proxy is trusted, whatever a header says', () => {
    const addressOf = clientIpBehind([]);
    expect(addressOf(from('203.0.113.9', '198.51.100.1'))).toBe('203.0.113.9');
    expect(addressOf(from('127.0.0.1', '198.51.100.1'))).toBe('127.0.0.1');
    expect(addressOf(from('::ffff:203.0.113.9'))).toBe('203.0.113.9');
  });

  it('is what the last of our proxies says', () => {
    const addressOf = clientIpBehind(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
    expect(addressOf(from('10.1.2.3', '198.51.100.1'))).toBe('198.51.100.1');
    expect(addressOf(from('::ffff:10.1.2.3', '198.51.100.1'))).toBe('198.51.100.1');
    expect(addressOf(from('fd00::1', '2001:db8::1'))).toBe('2001:db8::1');
    expect(addressOf(from('10.1.2.3', '203.0.113.5, 198.51.100.1, 192.0.2.7, 10.9.9.9'))).toBe(
      '198.51.100.1',
    );
    expect(addressOf(from('10.1.2.3', ['203.0.113.5', '198.51.100.1']))).toBe('198.51.100.1');
    expect(addressOf(from('10.1.2.3', '198.51.100.1:4711'))).toBe('198.51.100.1');
    expect(addressOf(from('10.1.2.3', '[2001:db8::1]:4711'))).toBe('2001:db8::1');
  });

  it('is never what a caller has made up', () => {
    const addressOf = clientIpBehind(['10.0.0.1']);
    expect(addressOf(from('203.0.113.9', '10.0.0.1'))).toBe('203.0.113.9');
    expect(addressOf(from('10.0.0.1', '1.1.1.1, 203.0.113.9'))).toBe('203.0.113.9');
    for (const nonsense of ['', 'unknown', ',', '1.1.1.1, nonsense', '999.1.1.1', '_hidden'])
      expect(addressOf(from('10.0.0.1', nonsense))).toBe('10.0.0.1');
    expect(addressOf({ socket: {}, headers: {} })).toBe('');
  });
});
