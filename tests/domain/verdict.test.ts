import { describe, expect, it } from '@jest/globals';
import {
  CELL_COUNT,
  CELLS,
  cellOf,
  cellsOf,
  REASONS,
  RISK_LEVELS,
  STATUSES,
  type Status,
  VERDICTS,
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

function verdict(status: Status, subStatus: unknown) {
  const { risk, ...rest } = CELLS[cellOf(status, 'low', subStatus)] ?? {};
  expect(risk).toBe('low');
  return rest;
}

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
  const subStatuses = (status: Status) => [
    ...PAIRS.flatMap(([of, subStatus]) => (of === status ? [subStatus] : [])),
    ...(status === 'deliverable' ? [null] : ['Something New']),
  ];

  it('has a cell for each verdict with each risk, and with no risk given', () => {
    const cells = STATUSES.flatMap((status) =>
      subStatuses(status).flatMap((sub) =>
        [...RISK_LEVELS, null].map((risk) => {
          const cell = cellOf(status, risk, sub);
          expect(CELLS[cell]).toMatchObject({ status, risk });
          return cell;
        }),
      ),
    );
    expect([...cells].sort((a, b) => a - b)).toEqual(Array.from({ length: CELL_COUNT }, (_, cell) => cell));
  });

  it('names each reason once', () => {
    expect([...REASONS].sort()).toEqual(['other', ...PAIRS.map(([, , category]) => category)].sort());
  });

  it('lets a filter through what it names, and nothing else', () => {
    expect(cellsOf({})).toHaveLength(CELL_COUNT);
    for (const { status, risk, category } of CELLS) {
      const filter = {
        status: [status],
        ...(risk === null ? {} : { risk: [risk] }),
        ...(category === null ? {} : { reason: [category] }),
      };
      for (const cell of cellsOf(filter)) {
        const found = CELLS[cell];
        expect(found?.status).toBe(status);
        if (risk !== null) expect(found?.risk).toBe(risk);
        if (category !== null) expect(found?.category).toBe(category);
      }
    }
    expect(cellsOf({ status: ['risky', 'unknown'] })).toEqual(
      [...cellsOf({ status: ['risky'] }), ...cellsOf({ status: ['unknown'] })].sort((a, b) => a - b),
    );
    // The category `unavailable_smtp` belongs to `unknown` alone: beside another status it counts as `other`.
    expect(cellsOf({ status: ['undeliverable'], reason: ['unavailable_smtp'] })).toEqual([]);
    const odd = cellOf('undeliverable', 'high', 'Unavailable SMTP');
    expect(cellsOf({ reason: ['other'], risk: ['high'] })).toContain(odd);
    expect(cellsOf({ status: ['deliverable'], reason: [...REASONS] })).toEqual([]);
  });
});
