/** Decides whether a principal may do something to a file. Pure: no look-ups, no state. */

import type { FileId, UserId } from '../domain/id.js';
import type { Claimant } from '../domain/ownership.js';
import type { Principal, Scope } from './principal.js';

/** What can be done. Every action but `administer` is done to a file. */
export type Action = 'read' | 'report' | 'submit' | 'end' | 'remove' | 'administer';

/** The part of a file that decides who may access it. */
export interface FileTarget {
  readonly fileId: FileId;
  /** Undefined: the file does not exist; null: it has no owner. */
  readonly userId: UserId | null | undefined;
}

/** `forbidden`: a scope is missing, whatever the file. `hidden`: to this principal the file must look nonexistent. */
type AccessDecision = 'granted' | 'forbidden' | 'hidden';

/** Which files an action may be done to. `visible`: the principal's own and those that its token names. */
type Reach = 'visible' | 'visible or new' | 'any';

/**
 * Whether a principal may report on a file, the store decides in the step that stores the report (see `Claimant`). A
 * submission replaces a file's results and a removal deletes them, so both need a file that the principal may see; the end
 * of a batch is answered with the file's stats.
 */
const RULES: Record<Action, { readonly scope: Scope; readonly reach: Reach }> = {
  read: { scope: 'read', reach: 'visible' },
  report: { scope: 'ingest', reach: 'any' },
  submit: { scope: 'ingest', reach: 'visible or new' },
  end: { scope: 'ingest', reach: 'visible' },
  remove: { scope: 'ingest', reach: 'visible' },
  administer: { scope: 'admin', reach: 'any' },
};

export function decideAccess(
  principal: Principal,
  action: Action,
  target: FileTarget | null,
): AccessDecision {
  const { scope, reach } = RULES[action];
  if (!hasScope(principal, scope)) return 'forbidden';
  if (target === null || reach === 'any' || isVisible(principal, target)) return 'granted';
  return reach === 'visible or new' && target.userId === undefined ? 'granted' : 'hidden';
}

const hasScope = ({ scopes }: Principal, scope: Scope): boolean => scopes.has(scope) || scopes.has('admin');

export const scopeFor = (action: Action): Scope => RULES[action].scope;

/** The principal as the one who registers, submits or sends an update. */
export const claimantOf = (principal: Principal): Claimant => ({
  userId: principal.sub,
  files: seesEveryFile(principal) || principal.files === '*' ? '*' : [...principal.files],
  isAdmin: hasScope(principal, 'admin'),
});

export const seesEveryFile = ({ files, scopes }: Principal): boolean => files === '*' || scopes.has('admin');

/** Whether the token alone makes a file visible: its owner makes no difference, and it need not exist yet. */
export const isVisibleByToken = (principal: Principal, fileId: FileId): boolean =>
  seesEveryFile(principal) || (principal.files !== '*' && principal.files.has(fileId));

function isVisible(principal: Principal, { fileId, userId }: FileTarget): boolean {
  // A file without an owner does not belong to a principal without a `sub`: null is not equal to null here.
  const isOwner = typeof userId === 'string' && userId === principal.sub;
  return isOwner || isVisibleByToken(principal, fileId);
}
