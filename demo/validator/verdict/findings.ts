/** The checks on an address: what they find, before it is graded. */
import type { Address } from './address.js';
import { chance, oneOf } from './chance.js';
import { type Domain, lookUp } from './domain.js';
import { ask, type Reply } from './mailbox.js';
import { isDisposable } from './providers.js';
import { type Attributes, type Blacklist, NO_ATTRIBUTES, NOT_LISTED } from './result.js';

/** The checks that the caller requested. A check that is off finds nothing. */
export interface Flags {
  readonly check_mx: boolean;
  readonly check_smtp: boolean;
  readonly check_disposable: boolean;
  readonly check_catch_all: boolean;
  readonly check_blacklist: boolean;
}

export interface Findings {
  readonly domain: Domain;
  readonly attributes: Attributes;
  /** Null if the mail server was not asked. */
  readonly reply: Reply | null;
  readonly blacklist: Blacklist;
}

const ROLES: ReadonlySet<string> = new Set(
  (
    'abuse admin billing contact hello help hr info jobs marketing office postmaster press sales security ' +
    'service support team webmaster'
  ).split(' '),
);
const NO_REPLY = /^(?:no|do-?not)[-_.]?reply$/;
const BLACKLISTS = ['dnsbl.example.net', 'spamtrap.example.org', 'zen.blocklist.example'] as const;

export function examine(address: Address, flags: Flags, now: string): Findings {
  const domain = lookUp(address.domain);
  const disposable = flags.check_disposable && isDisposable(address.domain);
  // The verdict on such a domain does not need its mail server.
  const isAsked = domain.provider !== null && !disposable;
  const reply = flags.check_smtp && isAsked ? ask(address, domain) : null;
  const attributes = {
    ...attributesOf(address),
    free_email: domain.isFree,
    disposable,
    catch_all: flags.check_catch_all && isAsked && domain.behaviour === 'catch-all',
    mailbox_full: reply?.outcome === 'full',
  };
  const blacklist = flags.check_blacklist && isAsked ? blacklistOf(domain, now) : NOT_LISTED;
  return { domain, attributes, reply, blacklist };
}

function attributesOf({ local, tag }: Address): Attributes {
  const name = (tag === null ? local : local.slice(0, -tag.length - 1)).toLowerCase();
  return {
    ...NO_ATTRIBUTES,
    role_account: ROLES.has(name),
    has_plus_tag: tag !== null,
    no_reply: NO_REPLY.test(name),
  };
}

function blacklistOf({ name, behaviour }: Domain, now: string): Blacklist {
  if (behaviour !== 'listed') return { ...NOT_LISTED, last_checked: now };
  const list = oneOf(chance(name, 'list'), BLACKLISTS);
  return {
    is_blacklisted: true,
    blacklists_found: [list],
    blacklist_reasons: [`${name} has sent mail to spam traps, see https://${list}/why`],
    reputation_score: 20 + Math.floor(chance(name, 'reputation') * 30),
    last_checked: now,
  };
}
