import { Fault } from '../errors.js';
import type { FileStore, Viewer } from '../store/store.js';
import { type Action, decideAccess, type FileTarget, isNamed, scopeFor, seesAll } from './access-rules.js';
import { type Principal, UNAUTHENTICATED } from './principal.js';
import type { Tokens } from './tokens.js';

/** Answers for every door who somebody is and what they may do. */
export class Guard {
  /** `tokens` null: everybody may do everything. */
  constructor(
    private readonly tokens: Tokens | null,
    private readonly files: Pick<FileStore, 'find'>,
  ) {}

  get isOpen(): boolean {
    return this.tokens === null;
  }

  /** Who brings this token. @throws Fault `unauthorized`; `unavailable` where that cannot be told now */
  async identify(token: string | undefined): Promise<Principal> {
    if (this.tokens === null) return UNAUTHENTICATED;
    if (token === undefined) throw new Fault('unauthorized', 'a token is needed', { challenge: '' });
    return this.tokens.verify(token);
  }

  /**
   * Lets somebody do something, or not.
   * @throws Fault `forbidden` where a scope is missing; `file_not_found` where there is no such file for them
   */
  async admit(principal: Principal, action: Action, fileId: string | null = null): Promise<void> {
    const target = fileId === null ? null : await this.#targetOf(principal, action, fileId);
    const verdict = decideAccess(principal, action, target);
    if (verdict === 'hidden') throw new Fault('file_not_found');
    if (verdict === 'forbidden') {
      const scope = scopeFor(action);
      throw new Fault('forbidden', `the token lacks the scope "${scope}"`, {
        challenge: 'insufficient_scope',
      });
    }
  }

  /** Whether somebody may read a file, now. */
  async canRead(principal: Principal, fileId: string): Promise<boolean> {
    return decideAccess(principal, 'read', await this.#targetOf(principal, 'read', fileId)) === 'granted';
  }

  /** What of all files somebody sees; null: all of them. */
  viewOf(principal: Principal): Viewer | null {
    if (seesAll(principal)) return null;
    return { userId: principal.sub, fileIds: principal.files === '*' ? [] : [...principal.files] };
  }

  /** The store is not asked where its answer would make no difference. */
  async #targetOf(principal: Principal, action: Action, fileId: string): Promise<FileTarget> {
    const unknown: FileTarget = { fileId, userId: undefined };
    if (isNamed(principal, fileId) || decideAccess(principal, action, unknown) === 'forbidden')
      return unknown;
    const facts = await this.files.find(fileId);
    return facts === null ? unknown : { fileId, userId: facts.userId };
  }
}
