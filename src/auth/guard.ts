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

export interface Access {
  readonly isGranted: boolean;
  /** The file whose owner has decided; null: the token alone has, or there is no such file. */
  readonly file: FileFacts | null;
}

/** A file that begins anew while it is read is read again; none begins as often as this. */
const READ_ATTEMPTS = 3;

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

  /**
   * Answers with the file whose owner has decided, see `Access`.
   * @throws Fault `forbidden` where a scope is missing; `file_not_found` where the file is hidden or does not exist
   */
  async authorize(
    principal: Principal,
    action: Action,
    fileId: FileId | null = null,
  ): Promise<FileFacts | null> {
    const { decision, file } = await this.#decide(principal, action, fileId);
    if (decision === 'hidden') throw new Fault('file_not_found');
    if (decision === 'forbidden') {
      const scope = scopeFor(action);
      throw new Fault('forbidden', `the token lacks the scope "${scope}"`, {
        challenge: 'insufficient_scope',
      });
    }
    return file;
  }

  /** Whether the principal may read a file now: its owner may change. */
  async readAccess(principal: Principal, fileId: FileId): Promise<Access> {
    const { decision, file } = await this.#decide(principal, 'read', fileId);
    return { isGranted: decision === 'granted', file };
  }

  /**
   * Does something to a file that the principal may access before it and after it, and that is the same one then: in several
   * steps it may have come upon the file that another user has begun meanwhile with the id of one that was deleted, or the file
   * may have been given away, and back.
   * @throws Fault as `authorize` does; `unavailable` where the file has begun anew meanwhile; else what `call` throws
   */
  async whileAuthorized<T>(
    principal: Principal,
    action: Action,
    fileId: FileId,
    call: () => Promise<T>,
  ): Promise<T> {
    const done = await this.#attempt(principal, action, fileId, call);
    if (done === null) throw begunAnew();
    return done.value;
  }

  /** The same for what may be read again where the file has begun anew meanwhile. */
  async readAuthorized<T>(principal: Principal, fileId: FileId, read: () => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      const done = await this.#attempt(principal, 'read', fileId, read);
      if (done !== null) return done.value;
    }
    throw begunAnew();
  }

  /** Null: the file has begun anew meanwhile. */
  async #attempt<T>(
    principal: Principal,
    action: Action,
    fileId: FileId,
    call: () => Promise<T>,
  ): Promise<{ readonly value: T } | null> {
    const before = await this.authorize(principal, action, fileId);
    const [done] = await Promise.allSettled([call()]);
    const after = await this.authorize(principal, action, fileId);
    if (after?.generation !== before?.generation) return null;
    if (done.status === 'rejected') throw done.reason;
    return { value: done.value };
  }

  /** Restricts a list of files to those that the principal may see; null: no restriction. */
  viewerOf(principal: Principal): Viewer | null {
    if (seesEveryFile(principal)) return null;
    return { userId: principal.sub, fileIds: principal.files === '*' ? [] : [...principal.files] };
  }

  /** Reads the owner from the store only where it makes a difference. */
  async #decide(principal: Principal, action: Action, fileId: FileId | null) {
    if (fileId === null) return { decision: decideAccess(principal, action, null), file: null };
    const unknown: FileTarget = { fileId, userId: undefined };
    const first = decideAccess(principal, action, unknown);
    if (isVisibleByToken(principal, fileId) || first === 'forbidden') return { decision: first, file: null };
    const file = await this.#reads.run(fileId, () => this.files.find(fileId));
    return { decision: decideAccess(principal, action, { fileId, userId: file?.userId }), file };
  }
}

/** What was read may be of two generations of a file, of two owners. */
export const begunAnew = (): Fault =>
  new Fault('unavailable', 'the file has begun anew meanwhile: ask again');
