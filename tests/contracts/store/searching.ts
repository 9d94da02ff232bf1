import { expect, it } from '@jest/globals';
import type { Store } from '../../../src/store/store.js';
import { effort } from '../../support/effort.js';
import { emailsOf, entry } from '../../support/updates.js';
import { fill, listsOf, pageOf, register, type Stores, save, scanned } from './harness.js';

/** The addresses of a file that start with a text. */
const finder = (store: Store, fileId: string) => async (start: string) => {
  const { total, results } = await pageOf(store, { fileId, page: 1, limit: 500, email: start });
  expect(total).toBe(results.length);
  return emailsOf(results);
};

const HOSTILE = [
  '',
  ' ',
  '%',
  '_',
  "'; DROP TABLE batches; --",
  '\u0000',
  'a\u0000b@example.com',
  'a\nb@example.com',
  '\u2028line@example.com',
  '😀@example.com',
  '😀😀@example.com',
  'עברית@example.com',
  '\u202egro.elpmaxe@a',
  'e\u0301@example.com',
  '\u00e9@example.com',
  '\u{10ffff}',
  'a\u{10ffff}b@example.com',
  'a\uffff@example.com',
  '=HYPERLINK("http://example.com")',
  '{"email":"x"}',
  '\\ud83d',
];

export function searching({ shared }: Stores): void {
  it('finds every address by every start of it, however it is spelt', async () => {
    const { store, f1, b1 } = shared();
    const find = finder(store, f1);
    await fill(store, f1, new Map([[b1, HOSTILE]]));
    expect((await listsOf(store, f1))[b1]).toEqual(HOSTILE);
    for (const address of HOSTILE) {
      const characters = [...address];
      for (let length = 0; length <= characters.length; length += effort(11, 1)) {
        const start = characters.slice(0, length).join('');
        for (const spelt of new Set([start, start.toLowerCase(), start.toUpperCase()])) {
          expect(await find(spelt)).toContain(address);
        }
      }
    }
  });

  it('filters what has the start by verdict, also where a domain has several', async () => {
    const { store, f1, b1 } = shared();
    await register(store, { fileId: f1, batches: [b1] });
    const verdicts = ['risky', 'deliverable', 'risky', 'unknown'] as const;
    const emails = verdicts.map((status, n) => entry(`${n}@shop.example`, { status }));
    await save(store, { batchId: b1, emails });
    for (const email of ['@shop', 'shop.example']) {
      const query = { fileId: f1, page: 1, limit: 9, email };
      const risky = await pageOf(store, { ...query, status: ['risky'] });
      expect(risky.total).toBe(2);
      expect(emailsOf(risky.results)).toEqual(['0@shop.example', '2@shop.example']);
      expect((await pageOf(store, { ...query, status: ['undeliverable'] })).total).toBe(0);
    }
  });

  it('finds nothing else', async () => {
    const { store, f1, b1 } = shared();
    const find = finder(store, f1);
    await fill(store, f1, new Map([[b1, ['ab', 'aB', 'a%b', 'a_b', 'A', 'a\u0000', 'b', 'ba', '']]]));
    expect(await find('AB')).toEqual(['ab', 'aB']);
    expect(await find('a%')).toEqual(['a%b']);
    expect(await find('a_')).toEqual(['a_b']);
    expect(await find('a\u0000')).toEqual(['a\u0000']);
    expect(await find('b')).toEqual(['b', 'ba']);
    expect(await find('abc')).toEqual([]);
    expect(await find('')).toHaveLength(9);
  });

  it('ignores case in every alphabet', async () => {
    const { store, f1, b1 } = shared();
    const find = finder(store, f1);
    const pairs = [
      ['ÉMILE@example.com', 'émile'],
      ['жук@example.com', 'ЖУК'],
      // A sigma is written otherwise at the end of a word, and the start of an address may end in the middle of one.
      ['ΣΑΣΑ@example.com', 'σασ'],
      ['σασα@example.com', 'ΣΑΣ'],
      ['οδος@example.com', 'ΟΔΟΣ'],
    ] as const;
    await fill(store, f1, new Map([[b1, pairs.map(([address]) => address)]]));
    for (const [address, start] of pairs) expect(await find(start)).toContain(address);
  });

  it('distinguishes two normal forms of one text', async () => {
    const { store, f1, b1 } = shared();
    const find = finder(store, f1);
    await fill(store, f1, new Map([[b1, ['\u00e9', 'e\u0301', 'e']]]));
    expect(await find('\u00e9')).toEqual(['\u00e9']);
    expect(await find('e\u0301')).toEqual(['e\u0301']);
    expect(await find('e')).toEqual(['e\u0301', 'e']);
  });

  it('finds addresses by the start of their domain, each once', async () => {
    const { store, f1, b1, b2 } = shared();
    const find = finder(store, f1);
    const local = 'l'.repeat(300);
    const domain = `${'d'.repeat(300)}.example`;
    const lists: [string[], string[]] = [
      [
        'jane@gmial.com',
        'gmial@gmial.com',
        'gmial@example.com',
        'a@b@Gmial.com',
        'gmial',
        '@gmial.org',
        'x@',
      ],
      ['jane@notgmial.com', 'jane@mail.gmial.com', `${local}@gmial.com`, `x@${domain}`, `${local}@${domain}`],
    ];
    await fill(
      store,
      f1,
      new Map([
        [b1, lists[0]],
        [b2, lists[1]],
      ]),
    );
    expect(await find('GMIAL')).toEqual([...lists[0].slice(0, 6), `${local}@gmial.com`]);
    expect(await find('gmial.c')).toEqual([
      'jane@gmial.com',
      'gmial@gmial.com',
      'a@b@Gmial.com',
      `${local}@gmial.com`,
    ]);
    expect(await find('@gmial')).toEqual([
      'jane@gmial.com',
      'gmial@gmial.com',
      'a@b@Gmial.com',
      '@gmial.org',
      `${local}@gmial.com`,
    ]);
    expect(await find('b@gmial')).toEqual([]);
    expect(await find('a@b')).toEqual(['a@b@Gmial.com']);
    expect(await find('@')).toEqual([...lists[0], ...lists[1]].filter((address) => address.includes('@')));
    for (const length of [1, 253, 254, 255, 300, 308])
      expect(await find(`@${domain.slice(0, length)}`)).toEqual([`x@${domain}`, `${local}@${domain}`]);
    expect(await find(`@${domain}x`)).toEqual([]);
    expect(await find(`${'d'.repeat(299)}e`)).toEqual([]);
    const page = await pageOf(store, {
      fileId: f1,
      page: 2,
      limit: 3,
      email: 'gmial',
      status: ['deliverable'],
    });
    expect([page.total, emailsOf(page.results)]).toEqual([7, [...lists[0].slice(3, 6)]]);
  });

  it('finds very long addresses, by starts of any length', async () => {
    const { store, f1, b1, b2 } = shared();
    const find = finder(store, f1);
    const long = `${'x'.repeat(5_000)}@example.com`;
    const twin = `${'X'.repeat(5_000)}@example.org`;
    // A surrogate pair lies across every bound at which a key may be cut.
    const pairs = ['', 'y'].map((first) => `${first}${'😀'.repeat(400)}@example.com`);
    const huge = `${'h'.repeat(2_000_000)}@example.com`;
    await fill(
      store,
      f1,
      new Map([
        [b1, [long, 'x', ...pairs]],
        [b2, [twin, huge]],
      ]),
    );
    expect((await listsOf(store, f1))[b2]).toEqual([twin, huge]);
    for (const length of [
      2, 63, 64, 127, 128, 252, 253, 254, 255, 256, 257, 511, 512, 1_000, 4_999, 5_000, 5_001,
    ]) {
      expect(await find(long.slice(0, length))).toEqual([long, twin]);
    }
    expect(await find(long)).toEqual([long]);
    expect(await find(`${'x'.repeat(5_001)}`)).toEqual([]);
    for (const address of pairs) {
      const characters = [...address];
      for (let length = 120; length <= 265; length += effort(29, 1)) {
        expect(await find(characters.slice(0, length).join(''))).toEqual([address]);
      }
    }
    expect(await find(huge.toUpperCase())).toEqual([huge]);
  });

  it('stores text that no database could hold otherwise', async () => {
    const { store, f1, b1 } = shared();
    const find = finder(store, f1);
    const odd = ['lone\ud83d@example.com', '\ude00lone@example.com'];
    const reason = 'said \udce4, = and\r\nmore';
    await fill(store, f1, new Map([[b1, odd.map((address) => entry(address, { reason }))]]));
    const results = await scanned(store, f1);
    expect(emailsOf(results)).toEqual(['lone\ufffd@example.com', '\ufffdlone@example.com']);
    for (const { json } of results) {
      expect(json.isWellFormed()).toBe(true);
      expect(json).not.toContain('\n');
      expect(JSON.parse(json).details.general.reason).toBe('said \ufffd, = and\r\nmore');
    }
    expect(await find('LONE\ufffd')).toEqual(['lone\ufffd@example.com']);
  });

  it('combines a start with the other filters, in arrival order, page by page', async () => {
    const { store, f1 } = shared();
    const batchIds = Array.from({ length: 30 }, (_, i) => `${i} of ${f1}`);
    await register(store, { fileId: f1, batches: batchIds });
    for (const [i, batchId] of [...batchIds.entries()].reverse()) {
      const emails = Array.from({ length: 60 }, (_, at) =>
        entry(`${at % 2 ? 'x' : 'y'}${i}-${at}@example.com`, {
          status: at % 3 ? 'risky' : 'deliverable',
          risk: at % 5 ? 'high' : 'low',
        }),
      );
      await save(store, { batchId, emails, isComplete: true });
    }
    const wanted = (await scanned(store, f1)).filter(
      ({ json }) => json.startsWith('{"email":"x') && json.includes('"risky"') && json.includes('"high"'),
    );
    const filter = { fileId: f1, limit: 37, email: 'X', status: ['risky'], risk: ['high'] } as const;
    for (let page = 1; page <= Math.ceil(wanted.length / 37) + 1; page++) {
      expect(await pageOf(store, { ...filter, page })).toEqual({
        total: wanted.length,
        results: wanted.slice((page - 1) * 37, page * 37),
        isCut: false,
      });
    }
  });

  it('forgets the addresses of a list that was replaced', async () => {
    const { store, f1, b1 } = shared();
    const find = finder(store, f1);
    await register(store, { fileId: f1, batches: [b1] });
    for (let run = 1; run <= 6; run++) {
      const emails = Array.from({ length: 10 * run }, (_, i) => `run${run}-${i}`);
      await save(store, { batchId: b1, emails });
      expect(await find('run')).toHaveLength(10 * run);
      expect(await find(`run${run - 1}-`)).toEqual([]);
    }
  });

  it('forgets addresses with a NUL of a list or a request that was replaced, and of a file that was deleted', async () => {
    const { store, f1, f2, b1, b2 } = shared();
    const emails = ['a\u0000b@x.example', 'x@a\u0000b', '\u0000'];
    const findIn = { f1: finder(store, f1), f2: finder(store, f2) };
    await fill(store, f2, new Map([[b2, emails]]));
    await fill(store, f1, new Map([[b1, emails]]));
    await save(store, { batchId: b1, emails: ['a\u0000c'], isComplete: true, processedCount: 4 });
    expect(await findIn.f1('a\u0000')).toEqual(['a\u0000c']);
    expect(await findIn.f1('@a\u0000')).toEqual([]);
    await fill(store, f1, new Map([[b1, ['b\u0000', ...emails]]]), 'r2');
    expect(await findIn.f1('a\u0000')).toEqual(emails.slice(0, 2));
    expect(await findIn.f1('@a\u0000')).toEqual([emails[1]]);
    expect(await store.files.remove(f1)).toBe(true);
    expect(await findIn.f1('a\u0000')).toEqual([]);
    expect(await findIn.f2('a\u0000')).toEqual(emails.slice(0, 2));
    expect(await store.files.remove(f2)).toBe(true);
  });
}
