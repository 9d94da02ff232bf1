/** The authenticated caller, as the access rules see it. */

import type { FileId, UserId } from '../domain/id.js';

export const SCOPES = ['read', 'ingest', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Principal {
  /** Null: an anonymous caller of a gateway with `AUTH=none`. It owns no file. */
  readonly sub: UserId | null;
  /** Files that it may see besides its own; `*`: all. */
  readonly files: ReadonlySet<FileId> | '*';
  readonly scopes: ReadonlySet<Scope>;
  /** Milliseconds since 1970; null: the token does not say. */
  readonly issuedAt: number | null;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
}

/** A token that does not say when it was issued counts as issued before any time. */
export const isIssuedBefore = ({ issuedAt }: Principal, time: number): boolean =>
  issuedAt === null || issuedAt < time;

/** The name of a caller, for limits of each: the `sub` of a caller's token, or else its address. */
export const callerNameOf = ({ sub }: Pick<Principal, 'sub'>, address: string): string =>
  sub === null ? `address ${address}` : `sub ${sub}`;

/** Every caller, with `AUTH=none`. */
export const UNAUTHENTICATED: Principal = {
  sub: null,
  files: '*',
  scopes: new Set(SCOPES),
  issuedAt: null,
  expiresAt: null,
};
