import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { isAllowed } from '../src/origins.js';

const LISTED = ['https://app.example', 'http://127.0.0.1:8080'];

const allowed = (
  origin: string | undefined,
  allowed: readonly string[],
  more: IncomingHttpHeaders = {},
): boolean =>
  isAllowed({ host: 'gateway.example:3000', ...(origin === undefined ? {} : { origin }), ...more }, allowed);

describe('an origin', () => {
  it('is let in where it is listed, to the letter', () => {
    for (const origin of LISTED) expect(allowed(origin, LISTED)).toBe(true);
    for (const origin of [
      'http://app.example',
      'https://app.example:8443',
      'https://app.example.evil.example',
      'https://evil-app.example',
      'https://app.example/',
      'https://APP.example',
      'http://127.0.0.1',
      'null',
      '',
      '*',
    ]) {
      expect(allowed(origin, LISTED)).toBe(false);
    }
  });

  it('is let in everywhere where all are', () => {
    for (const origin of ['https://anybody.example', 'null', 'file://'])
      expect(allowed(origin, ['*'])).toBe(true);
  });

  it('is let in where it is our own', () => {
    expect(allowed('http://gateway.example:3000', [])).toBe(true);
    expect(allowed('https://gateway.example:3000', [])).toBe(true);
    expect(allowed('https://gateway.example', [], { host: 'Gateway.Example' })).toBe(true);
    // A proxy may have put another host name in; the browser knows better.
    expect(allowed('https://public.example', [], { 'sec-fetch-site': 'same-origin' })).toBe(true);
    for (const origin of [
      'http://gateway.example',
      'http://gateway.example:3001',
      'http://evil.example/gateway.example:3000',
      'http://gateway.example:3000@evil.example',
      'http://gateway.example:3000.evil.example',
      'gateway.example:3000',
      'null',
    ]) {
      expect(allowed(origin, [], { 'sec-fetch-site': 'cross-site' })).toBe(false);
    }
  });

  it("is not the gateway's own without a Host header", () => {
    expect(isAllowed({ origin: 'http://evil.example' }, [])).toBe(false);
    expect(isAllowed({ origin: 'undefined' }, [])).toBe(false);
  });

  it('is not sent by programs that are no browsers, and they are let in', () => {
    expect(allowed(undefined, LISTED)).toBe(true);
    expect(allowed(undefined, [])).toBe(true);
  });
});
