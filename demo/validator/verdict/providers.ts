/** Known mailbox providers, disposable domains and top-level domains. */
/** A mailbox provider, as seen in the name of its mail exchanger. */
export interface Provider {
  readonly name: string | null;
  readonly mx: string;
}

const google: Provider = { name: 'google', mx: 'gmail-smtp-in.l.google.com.' };
const microsoft: Provider = { name: 'microsoft', mx: 'outlook-com.olc.protection.outlook.com.' };
const yahoo: Provider = { name: 'yahoo', mx: 'mta5.am0.yahoodns.net.' };
const apple: Provider = { name: 'apple', mx: 'mx01.mail.icloud.com.' };
const proton: Provider = { name: 'proton', mx: 'mail.protonmail.ch.' };

const FREE: ReadonlyMap<string, Provider> = new Map([
  ['gmail.com', google],
  ['googlemail.com', google],
  ['outlook.com', microsoft],
  ['hotmail.com', microsoft],
  ['live.com', microsoft],
  ['yahoo.com', yahoo],
  ['icloud.com', apple],
  ['proton.me', proton],
  ['protonmail.com', proton],
]);

/** The provider of a free-mail domain; undefined for any other domain. */
export const freeProvider = (domain: string): Provider | undefined => FREE.get(domain);

const TYPOS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'gmail.com': ['gmial.com', 'gmai.com', 'gamil.com', 'gmail.con', 'gmal.com', 'gnail.com', 'gmail.cmo'],
    'hotmail.com': ['hotmial.com', 'hotmal.com', 'hotmai.com', 'hotmail.con'],
    'outlook.com': ['outlok.com', 'outloook.com', 'outlook.con'],
    'yahoo.com': ['yaho.com', 'yahooo.com', 'yhaoo.com', 'yahoo.con'],
    'icloud.com': ['iclod.com', 'icloud.con'],
  }).flatMap(([right, wrongs]) => wrongs.map((wrong) => [wrong, right] as const)),
);

/** The correct domain of a known misspelling; undefined for any other domain. */
export const typoOf = (domain: string): string | undefined => TYPOS.get(domain);

const DISPOSABLE: ReadonlySet<string> = new Set([
  'mailinator.com',
  'guerrillamail.com',
  '10minutemail.com',
  'yopmail.com',
  'trashmail.com',
  'temp-mail.org',
  'throwaway.test',
  'disposable.example',
]);

export const isDisposable = (domain: string): boolean => DISPOSABLE.has(domain);

const TOP_LEVEL: ReadonlySet<string> = new Set(
  (
    'com org net edu gov mil int info biz name pro app dev cloud tech store shop online site blog email ' +
    'agency studio design digital media news company group team work world global education academy health ' +
    'bank finance legal club live life today space website systems solutions services network zone ' +
    // Reserved for documentation and tests (RFC 2606). Here such domains exist, so that examples have verdicts.
    'example test'
  ).split(' '),
);

/** Two letters are a country. Longer ones must be known, so that a misspelling is not taken for a domain. */
export function hasTopLevel(domain: string): boolean {
  const last = domain.slice(domain.lastIndexOf('.') + 1);
  return last.length === 2 || last.startsWith('xn--') || /[^a-z]/.test(last) || TOP_LEVEL.has(last);
}
