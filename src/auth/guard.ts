/** Authenticates callers by their tokens and authorizes what they do. REST and sockets ask the same guard. */

import type { FileId } from '../domain/id.js';
import type { FileFacts } from '../domain/stats.js';
import { Fault } from '../errors.js';
import { SharedCalls } from '../shared-calls.js';
import type { FileStore, Viewer } from '../store/store.js';
import {
  type Action,
  decideAccess,
  type FileTarget,
  isVisibleByToken,
  scopeFor,
  seesEveryFile,
} from './access-rules.js';
import { type Principal, UNAUTHENTICATED } from './principal.js';
import type { Revocations } from './revocations.js';
import type { Tokens } from './tokens.js';

export class Guard {
  /** Thousands of listeners of a file may come back at once. */
  readonly #reads = new SharedCalls<FileId, FileFacts | null>();

  /** `tokens` null: `AUTH=none`, every caller may do everything. */
  constructor(
    private readonly tokens: Tokens | null,
    private readonly files: Pick<FileStore, 'find'>,
    private readonly revocations: Pick<Revocations, 'check'>,
  ) {}

  /** Whether callers need no token. */
  get isOpen(): boolean {
    return this.tokens === null;
  }

  /** @throws Fault `unauthorized`; `unavailable` where the token cannot be verified now */
  async authenticate(token: string | undefined): Promise<Principal> {
    if (this.tokens === null) return UNAUTHENTICATED;
    if (token === undefined) throw new Fault('unauthorized', 'a token is needed', { challenge: '' });
    const principal = await this.tokens.verify(token);
    await this.revocations.check(principal);
    return principal;
  }

  /** @throws Fault `forbidden` where a scope is missing; `file_not_found` where the file is hidden or does not exist */
  async authorize(principal: Principal, action: Action, fileId: FileId | null = null): Promise<void> {
    const target = fileId === null ? null : await this.#targetOf(principal, action, fileId);
    const decision = decideAccess(principal, action, target);
    if (decision === 'hidden') throw new Fault('file_not_found');
    if (decision === 'forbidden') {
      const scope = scopeFor(action);
      throw new Fault('forbidden', `the token lacks the scope "${scope}"`, {
        challenge: 'insufficient_scope',
      });
    }
  }

  /**
   * Reads a file that the principal may access before the read and after it: in several steps a read may have come upon the
   * file that another user has begun meanwhile with the id of one that was deleted, or the file may have been given away.
   * @throws Fault as `authorize` does, else what `read` throws
   */
  async whileAuthorized<T>(
    principal: Principal,
    action: Action,
    fileId: FileId,
    read: () => Promise<T>,
  ): Promise<T> {
    await this.authorize(principal, action, fileId);
    const [found] = await Promise.allSettled([read()]);
    await this.authorize(principal, action, fileId);
    if (found.status === 'rejected') throw found.reason;
    return found.value;
  }

  /** Whether the principal may read a file now: its owner may change. */
  async canRead(principal: Principal, fileId: FileId): Promise<boolean> {
    return decideAccess(principal, 'read', await this.#targetOf(principal, 'read', fileId)) === 'granted';
  }

  /** Restricts a list of files to those that the principal may see; null: no restriction. */
  viewerOf(principal: Principal): Viewer | null {
    if (seesEveryFile(principal)) return null;
    return { userId: principal.sub, fileIds: principal.files === '*' ? [] : [...principal.files] };
  }

  /** Reads the owner from the store only where it makes a difference. */
  async #targetOf(principal: Principal, action: Action, fileId: FileId): Promise<FileTarget> {
    const unknown: FileTarget = { fileId, userId: undefined };
    if (isVisibleByToken(principal, fileId) || decideAccess(principal, action, unknown) === 'forbidden')
      return unknown;
    const facts = await this.#reads.run(fileId, () => this.files.find(fileId));
    return facts === null ? unknown : { fileId, userId: facts.userId };
  }
}
