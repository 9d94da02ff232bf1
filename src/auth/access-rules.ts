import type { Principal, Scope } from './principal.js';

/** What can be done. All but `administer` is done to a file. */
export type Action = 'read' | 'report' | 'submit' | 'remove' | 'administer';

/** A file, as far as it matters here. */
export interface FileTarget {
  readonly fileId: string;
  /** Undefined: nobody has heard of the file; null: it is nobody's. */
  readonly userId: string | null | undefined;
}

/** `forbidden`: a scope is missing, whatever the file. `hidden`: for this principal there is no such file. */
export type AccessDecision = 'granted' | 'forbidden' | 'hidden';

/** Whose business a file has to be: `seen` one's own or named, `seen or new` also one that nobody has heard of. */
type Reach = 'seen' | 'seen or new' | 'any';

/**
 * A producer reports on whatever the validator works at: `ingest` reaches every file. To submit a list puts another one in
 * the place of what is there, and to remove one deletes it: neither is done to a file that one may not see.
 */
const RULES: Record<Action, { readonly scope: Scope; readonly reach: Reach }> = {
  read: { scope: 'read', reach: 'seen' },
  report: { scope: 'ingest', reach: 'any' },
  submit: { scope: 'ingest', reach: 'seen or new' },
  remove: { scope: 'ingest', reach: 'seen' },
  administer: { scope: 'admin', reach: 'any' },
};

/** The one decision behind every door. Pure: the same question always has the same answer. */
export function decideAccess(
  principal: Principal,
  action: Action,
  target: FileTarget | null,
): AccessDecision {
  const { scope, reach } = RULES[action];
  if (!has(principal, scope)) return 'forbidden';
  if (target === null || reach === 'any' || sees(principal, target)) return 'granted';
  return reach === 'seen or new' && target.userId === undefined ? 'granted' : 'hidden';
}

export const has = ({ scopes }: Principal, scope: Scope): boolean => scopes.has(scope) || scopes.has('admin');

/** The scope that an action needs. */
export const scopeFor = (action: Action): Scope => RULES[action].scope;

/** Whether every file is visible, whoever owns it. */
export const seesAll = ({ files, scopes }: Principal): boolean => files === '*' || scopes.has('admin');

/** Whether a file is visible whoever owns it, and be it only to come. */
export const isNamed = (principal: Principal, fileId: string): boolean =>
  seesAll(principal) || (principal.files !== '*' && principal.files.has(fileId));

function sees(principal: Principal, { fileId, userId }: FileTarget): boolean {
  // Nobody owns what is nobody's: two that are not there are not the same one.
  const owns = typeof userId === 'string' && userId === principal.sub;
  return owns || isNamed(principal, fileId);
}
