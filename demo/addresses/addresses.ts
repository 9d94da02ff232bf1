/** Generates the address lists that the demo submits: the same list for the same seed. */
import { CHOSEN_VERDICTS, HOSTILE } from './hostile.js';
import {
  ANIMALS,
  COLOURS,
  DISPOSABLE_DOMAINS,
  FREE_DOMAINS,
  MISTYPED_DOMAINS,
  ROLE_NAMES,
  TAGS,
  TRADES,
} from './words.js';

/** Returns numbers in [0, 1). */
type Random = () => number;

/** The Mulberry32 generator: the same numbers for the same seed. */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Mostly good addresses; some are old, mistyped or made up, and some are hostile text. */
export function generateAddresses(count: number, seed: number): string[] {
  const random = randomOf(seed);
  const list: string[] = [];
  while (list.length < count) list.push(random() < 0.01 ? repeated(list, random) : made(random));
  return withOddOnes(list, random);
}

/** Real lists hold some addresses twice. */
const repeated = (list: readonly string[], random: Random): string =>
  list.length === 0 ? made(random) : one(list, random);

/** Puts the special entries at random places. At most one entry in ten is special. */
function withOddOnes(list: string[], random: Random): string[] {
  const odd = [...CHOSEN_VERDICTS, ...HOSTILE];
  const step = Math.max(Math.floor(list.length / odd.length), 10);
  odd.slice(0, Math.floor(list.length / step)).forEach((text, index) => {
    list[index * step + Math.floor(random() * step)] = text;
  });
  return list;
}

function made(random: Random): string {
  const kind = random();
  if (kind < 0.02) return `${one(ROLE_NAMES, random)}@${companyDomain(random)}`;
  if (kind < 0.025) return `no-reply@${companyDomain(random)}`;
  if (kind < 0.05) return `${name(random)}@${one(MISTYPED_DOMAINS, random)}`;
  if (kind < 0.065) return `${name(random)}@${one(DISPOSABLE_DOMAINS, random)}`;
  if (kind < 0.08) return broken(random);
  if (kind < 0.09) return `${Math.floor(random() * 1e9)}@${companyDomain(random)}`;
  if (kind < 0.12) return `${name(random)}+${one(TAGS, random)}@${domain(random)}`;
  return `${name(random)}@${domain(random)}`;
}

const domain = (random: Random): string =>
  random() < 0.4 ? one(FREE_DOMAINS, random) : companyDomain(random);

/** A few hundred companies. Some have many more mailboxes than others. */
function companyDomain(random: Random): string {
  const rank = random() * random();
  const trade = TRADES[Math.floor(rank * TRADES.length)] ?? TRADES[0];
  const top = random() < 0.8 ? 'test' : 'example';
  return `${one(COLOURS, random)}-${trade}.${top}`;
}

function name(random: Random): string {
  const [first, last] = [one(COLOURS, random), one(ANIMALS, random)];
  const number = Math.floor(random() * 1000);
  switch (Math.floor(random() * 4)) {
    case 0:
      return `${first}.${last}`;
    case 1:
      return `${first}.${last}${number}`;
    case 2:
      return `${first[0] ?? ''}${last}${number}`;
    default:
      return `${last}_${number}`;
  }
}

/** Typing mistakes, as they occur in web forms. */
function broken(random: Random): string {
  const good = `${name(random)}@${domain(random)}`;
  switch (Math.floor(random() * 5)) {
    case 0:
      return good.replace('@', '');
    case 1:
      return good.replace('@', '@@');
    case 2:
      return good.replace('.', '..');
    case 3:
      return good.replace('@', ' @ ');
    default:
      return good.replace(/\.\w+$/, ',com');
  }
}

function one<T extends string>(list: readonly T[], random: Random): T {
  const entry = list[Math.floor(random() * list.length)] ?? list[0];
  if (entry === undefined) throw new Error('a list of words is empty');
  return entry;
}
