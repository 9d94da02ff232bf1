export const SCOPES = ['read', 'ingest', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Whoever asks, as far as the gateway knows them. */
export interface Principal {
  /** Null: nobody in particular, where everybody may do everything. Owns nothing. */
  readonly sub: string | null;
  /** Files that may be seen beside one's own; `*`: all. */
  readonly files: ReadonlySet<string> | '*';
  readonly scopes: ReadonlySet<Scope>;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
}

/** Everybody, with `AUTH=none`. */
export const UNAUTHENTICATED: Principal = {
  sub: null,
  files: '*',
  scopes: new Set(SCOPES),
  expiresAt: null,
};
