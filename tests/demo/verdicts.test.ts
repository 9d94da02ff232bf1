import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { generateAddresses } from '../../demo/addresses/addresses.js';
import { HOSTILE } from '../../demo/addresses/hostile.js';
import { verdictOn } from '../../demo/validator/verdict/verdict.js';
import { pythonJson } from '../../demo/validator/work/update.js';
import { FLAGS } from './caller.js';

const NOW = '2026-11-24T08:42:11.099418';
const verdict = (email: string, flags: Partial<typeof FLAGS> = {}) =>
  verdictOn(email, { ...FLAGS, ...flags }, NOW);
type Verdict = ReturnType<typeof verdict>;
const pairOf = ({ status, details }: Verdict) => `${status} / ${details.sub_status}`;

/** The messages of the recordings, as published. */
const recorded = ['small-3', 'single-10', 'dns-only-100', 'worker-killed'].flatMap((name) =>
  readFileSync(new URL(`../../../tests/fixtures/${name}.jsonl`, import.meta.url), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { message: string }).message),
);

describe('verdicts', () => {
  const list = generateAddresses(5000, 1);
  const verdicts = list.map((email) => verdict(email));

  test('are the same in every run', () => {
    const again = list.map((email) => JSON.stringify(verdict(email)));
    expect(again.filter((text, i) => text !== JSON.stringify(verdicts[i]))).toEqual([]);
    expect(verdict('Full@Example.COM').details.general.domain).toBe('example.com');
    expect(pairOf(verdict('Amber.Otter@Gmail.com'))).toBe(pairOf(verdict('amber.otter@gmail.com')));
  });

  test('have the shape of recorded results, with the keys in the same order', () => {
    const shapeOf = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).map(([key, member]) => [key, shapeOf(member)])
        : Array.isArray(value);
    const [message = ''] = recorded;
    const [first] = (JSON.parse(message) as { validatedEmails: unknown[] }).validatedEmails;
    expect([...new Set(verdicts.map((one) => JSON.stringify(shapeOf(one))))]).toEqual([
      JSON.stringify(shapeOf(first)),
    ]);
  });

  test('in a long list hold every pair of status and sub-status', () => {
    expect([...new Set(verdicts.map(pairOf))].sort()).toEqual([
      'deliverable / null',
      'risky / Low Deliverability',
      'risky / Low Quality',
      'undeliverable / Blacklisted',
      'undeliverable / Disposable Email',
      'undeliverable / Invalid Domain',
      'undeliverable / Invalid Email',
      'undeliverable / Invalid SMTP',
      'undeliverable / Rejected Email',
      // Not in the documentation of the real validator, but on the wire.
      'undeliverable / Unavailable SMTP',
      'unknown / No Connect',
      'unknown / Timeout',
      'unknown / Unavailable SMTP',
      'unknown / Unexpected Error',
    ]);
  });

  test('are distributed as on real lists', () => {
    const share = (status: string) =>
      verdicts.filter((one) => one.status === status).length / verdicts.length;
    expect(share('deliverable')).toBeGreaterThan(0.65);
    expect(share('undeliverable')).toBeGreaterThan(0.1);
    expect(share('risky')).toBeGreaterThan(0.04);
    expect(share('unknown')).toBeGreaterThan(0.02);
  });

  test('are consistent', () => {
    const agrees = ({ status, is_valid, risk_level, deliverability_score, details }: Verdict) =>
      is_valid === (status === 'deliverable' || status === 'risky') &&
      (status === 'deliverable') === (risk_level === 'low') &&
      (status === 'deliverable') === (details.sub_status === null) &&
      is_valid === deliverability_score > 0 &&
      details.blacklist.is_blacklisted === (details.sub_status === 'Blacklisted') &&
      details.attributes.disposable === (details.sub_status === 'Disposable Email');
    expect(verdicts.filter((one) => !agrees(one))).toEqual([]);
  });

  test.each([
    ['plain', 'undeliverable / Invalid Email'],
    ['two@@example.com', 'undeliverable / Invalid Email'],
    ['u@example.comm', 'undeliverable / Invalid Domain'],
    ['u@gmial.com', 'undeliverable / Invalid Domain'],
    ['u@yaho.com', 'undeliverable / Invalid Domain'],
    ['u@nomx-1.test', 'undeliverable / Invalid Domain'],
    ['u@mailinator.com', 'undeliverable / Disposable Email'],
    ['u@listed.test', 'undeliverable / Blacklisted'],
    ['u@catchall-2.test', 'risky / Low Deliverability'],
    ['full@example.com', 'risky / Low Deliverability'],
    ['info@example.com', 'risky / Low Quality'],
    ['no-reply@example.com', 'risky / Low Quality'],
    ['rejected@example.com', 'undeliverable / Rejected Email'],
    ['timeout+tag@example.com', 'unknown / Timeout'],
    ['closed@example.com', 'undeliverable / Unavailable SMTP'],
  ])('%s: %s', (email, pair) => {
    expect(pairOf(verdict(email))).toBe(pair);
  });

  test('ignore checks that were not requested', () => {
    expect(pairOf(verdict('u@mailinator.com', { check_disposable: false }))).not.toContain('Disposable');
    expect(pairOf(verdict('u@listed.test', { check_blacklist: false }))).not.toContain('Blacklisted');
    expect(verdict('u@catchall.test', { check_catch_all: false }).details.attributes.catch_all).toBe(false);
    expect(pairOf(verdict('u@nomx.test', { check_mx: false }))).toBe('risky / Low Deliverability');
    const { details, deliverability_score } = verdict('rejected@example.com', { check_smtp: false });
    expect([details.general.reason, deliverability_score]).toEqual(['SMTP check disabled', 80]);
  });

  test('keep the address unchanged, whatever it is', () => {
    for (const email of [...HOSTILE, '\ud800@example.com', 'x'.repeat(3_000_000)]) {
      expect(verdict(email).email === email).toBe(true);
    }
  });
});

describe('generated lists', () => {
  test('are the same for the same seed, and have the requested length', () => {
    expect(generateAddresses(300, 7)).toEqual(generateAddresses(300, 7));
    expect(generateAddresses(300, 7)).not.toEqual(generateAddresses(300, 8));
    for (const count of [0, 1, 9, 50, 5000]) expect(generateAddresses(count, 1)).toHaveLength(count);
  });

  test('hold every hostile text', () => {
    const list = new Set(generateAddresses(5000, 1));
    expect(HOSTILE.filter((text) => !list.has(text))).toEqual([]);
  });
});

test('JSON is written as the real validator writes it, byte for byte', () => {
  expect(recorded.length).toBeGreaterThan(40);
  expect(recorded.filter((message) => pythonJson(JSON.parse(message)) !== message)).toEqual([]);
});
