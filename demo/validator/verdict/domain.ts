/** Simulates what DNS and the mail servers of a domain would answer. It is computed from the domain's name. */
import { chance, pick, type Shares } from './chance.js';
import { freeProvider, hasTopLevel, type Provider, typoOf } from './providers.js';

/** How the mail servers of a domain behave towards every recipient. */
export type Behaviour = 'normal' | 'catch-all' | 'listed' | 'greylisting' | 'dead' | 'slow' | 'relay-denied';

export interface Domain {
  readonly name: string;
  /** Null if the domain has no mail exchanger. */
  readonly provider: Provider | null;
  readonly isFree: boolean;
  readonly behaviour: Behaviour;
}

const BEHAVIOURS: Shares<Behaviour> = [
  'normal',
  [0.07, 'catch-all'],
  [0.012, 'listed'],
  [0.012, 'greylisting'],
  [0.012, 'dead'],
  [0.012, 'slow'],
  [0.006, 'relay-denied'],
];
const NO_MX_SHARE = 0.03;
/** Domains whose first label chooses their behaviour, such as `catchall-2.test`. */
const NAMED = /^(?<what>nomx|catchall|listed|greylist|dead|slow|relay)(?:-\d+)?\./;
const BY_NAME: Readonly<Record<string, Behaviour>> = {
  catchall: 'catch-all',
  listed: 'listed',
  greylist: 'greylisting',
  dead: 'dead',
  slow: 'slow',
  relay: 'relay-denied',
};
/** The domains reserved for documentation have no faults: they are used in examples. */
const HEALTHY = /^(?:.+\.)?example\.(?:com|org|net)$/;

export function lookUp(name: string): Domain {
  const free = freeProvider(name);
  if (free) return { name, provider: free, isFree: true, behaviour: 'normal' };
  const provider = hasMail(name) ? hostOf(name) : null;
  return { name, provider, isFree: false, behaviour: behaviourOf(name) };
}

function hasMail(name: string): boolean {
  if (HEALTHY.test(name)) return true;
  if (typoOf(name) !== undefined || !hasTopLevel(name)) return false;
  const named = NAMED.exec(name)?.groups?.what;
  return named === undefined ? chance(name, 'mx') >= NO_MX_SHARE : named !== 'nomx';
}

function behaviourOf(name: string): Behaviour {
  if (HEALTHY.test(name)) return 'normal';
  const named = NAMED.exec(name)?.groups?.what;
  return named === undefined ? pick(chance(name, 'behaviour'), BEHAVIOURS) : (BY_NAME[named] ?? 'normal');
}

/** Most companies use one of two providers; the others run a server of their own. */
function hostOf(name: string): Provider {
  return pick<Provider>(chance(name, 'host'), [
    { name: null, mx: `mx1.${name}.` },
    [0.35, { name: 'google', mx: 'aspmx.l.google.com.' }],
    [0.35, { name: 'microsoft', mx: `${name.replaceAll('.', '-')}.mail.protection.outlook.com.` }],
  ]);
}
