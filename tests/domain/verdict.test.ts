import { describe, expect, it } from '@jest/globals';
import {
  CELL_COUNT,
  cellOf,
  cellsOf,
  RISK_LEVELS,
  STATUSES,
  type Status,
  VERDICTS,
  verdictIndexOf,
} from '../../src/domain/verdict.js';

/** Every pair that the contract names. */
const PAIRS: [Status, string, string][] = [
  ['undeliverable', 'Invalid Email', 'invalid_email'],
  ['undeliverable', 'Invalid Domain', 'invalid_domain'],
  ['undeliverable', 'Rejected Email', 'rejected_email'],
  ['undeliverable', 'Invalid SMTP', 'invalid_smtp'],
  ['undeliverable', 'Disposable Email', 'disposable_email'],
  ['undeliverable', 'Blacklisted', 'blacklisted'],
  ['risky', 'Low Quality', 'low_quality'],
  ['risky', 'Low Deliverability', 'low_deliverability'],
  ['unknown', 'No Connect', 'no_connect'],
  ['unknown', 'Timeout', 'timeout'],
  ['unknown', 'Unavailable SMTP', 'unavailable_smtp'],
  ['unknown', 'Unexpected Error', 'unexpected_error'],
];

const verdict = (status: Status, subStatus: unknown) => VERDICTS[verdictIndexOf(status, subStatus)];

describe('verdicts', () => {
  it.each(PAIRS)('counts %s with %j as %s', (status, subStatus, category) => {
    expect(verdict(status, subStatus)).toEqual({ status, category });
  });

  it('counts every other pair as "other" of its status', () => {
    for (const status of STATUSES) {
      const own = new Set(PAIRS.filter(([of]) => of === status).map(([, subStatus]) => subStatus));
      const strangers = PAIRS.map(([, subStatus]) => subStatus).filter((subStatus) => !own.has(subStatus));
      const odd = [
        '',
        'timeout',
        'Timeout ',
        '__proto__',
        'constructor',
        'toString',
        null,
        undefined,
        0,
        7,
        {},
        ['Timeout'],
      ];
      for (const subStatus of [...strangers, ...odd]) {
        expect(verdict(status, subStatus)).toEqual({
          status,
          category: status === 'deliverable' ? null : 'other',
        });
      }
    }
  });

  it('has a place for each of them, once', () => {
    const places = VERDICTS.map(({ status, category }) => `${status}/${category}`);
    expect(new Set(places).size).toBe(places.length);
    expect(places).toHaveLength(PAIRS.length + STATUSES.length);
  });
});

describe('cells', () => {
  it('has a cell for each pair of status and risk, and for no risk given', () => {
    const cells = STATUSES.flatMap((status) => [...RISK_LEVELS, null].map((risk) => cellOf(status, risk)));
    expect([...cells].sort((a, b) => a - b)).toEqual(Array.from({ length: CELL_COUNT }, (_, cell) => cell));
  });

  it('lets a filter through what it names', () => {
    expect(cellsOf({})).toHaveLength(CELL_COUNT);
    for (const status of STATUSES) {
      expect(cellsOf({ status }).sort()).toEqual(
        [...RISK_LEVELS, null].map((risk) => cellOf(status, risk)).sort(),
      );
      for (const risk of RISK_LEVELS) expect(cellsOf({ status, risk })).toEqual([cellOf(status, risk)]);
    }
    for (const risk of RISK_LEVELS) {
      expect(cellsOf({ risk })).toEqual(STATUSES.map((status) => cellOf(status, risk)));
    }
  });
});
