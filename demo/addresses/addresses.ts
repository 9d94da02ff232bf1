import { HOSTILE, TELLING } from './hostile.js';
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

/** Gives numbers in [0, 1), the same ones for the same seed. */
type Dice = () => number;

/** Mulberry32. */
function diceOf(seed: number): Dice {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A list like those that people upload: mostly good, some of it old, mistyped or made up, and some of it hostile. */
export function generateAddresses(count: number, seed: number): string[] {
  const dice = diceOf(seed);
  const list: string[] = [];
  while (list.length < count) list.push(dice() < 0.01 ? repeated(list, dice) : made(dice));
  return withOddOnes(list, dice);
}

/** Lists hold the same address twice. */
const repeated = (list: readonly string[], dice: Dice): string =>
  list.length === 0 ? made(dice) : one(list, dice);

/** The odd ones go in at random places, at most one in ten of what is there. */
function withOddOnes(list: string[], dice: Dice): string[] {
  const odd = [...TELLING, ...HOSTILE];
  const step = Math.max(Math.floor(list.length / odd.length), 10);
  odd.slice(0, Math.floor(list.length / step)).forEach((text, index) => {
    list[index * step + Math.floor(dice() * step)] = text;
  });
  return list;
}

function made(dice: Dice): string {
  const kind = dice();
  if (kind < 0.02) return `${one(ROLE_NAMES, dice)}@${companyDomain(dice)}`;
  if (kind < 0.025) return `no-reply@${companyDomain(dice)}`;
  if (kind < 0.05) return `${name(dice)}@${one(MISTYPED_DOMAINS, dice)}`;
  if (kind < 0.065) return `${name(dice)}@${one(DISPOSABLE_DOMAINS, dice)}`;
  if (kind < 0.08) return broken(dice);
  if (kind < 0.09) return `${Math.floor(dice() * 1e9)}@${companyDomain(dice)}`;
  if (kind < 0.12) return `${name(dice)}+${one(TAGS, dice)}@${domain(dice)}`;
  return `${name(dice)}@${domain(dice)}`;
}

const domain = (dice: Dice): string => (dice() < 0.4 ? one(FREE_DOMAINS, dice) : companyDomain(dice));

/** A few hundred companies, some of them with many more people than others. */
function companyDomain(dice: Dice): string {
  const rank = dice() * dice();
  const trade = TRADES[Math.floor(rank * TRADES.length)] ?? TRADES[0];
  const top = dice() < 0.8 ? 'test' : 'example';
  return `${one(COLOURS, dice)}-${trade}.${top}`;
}

function name(dice: Dice): string {
  const [first, last] = [one(COLOURS, dice), one(ANIMALS, dice)];
  const number = Math.floor(dice() * 1000);
  switch (Math.floor(dice() * 4)) {
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

/** What slips in where a form is filled in in a hurry. */
function broken(dice: Dice): string {
  const good = `${name(dice)}@${domain(dice)}`;
  switch (Math.floor(dice() * 5)) {
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

function one<T extends string>(list: readonly T[], dice: Dice): T {
  const entry = list[Math.floor(dice() * list.length)] ?? list[0];
  if (entry === undefined) throw new Error('a list of words is empty');
  return entry;
}
