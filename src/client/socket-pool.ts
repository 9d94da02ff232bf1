/** The sockets of a page: hooks for the same gateway and token share one. */
import { io, type Socket } from 'socket.io-client';
import type { TokenSource } from './token-keeper.js';

interface Pooled {
  readonly socket: Socket;
  readonly users: Set<object>;
  /** Those that gave it back. */
  readonly past: WeakSet<object>;
}

const pool = new Map<string, Pooled>();
/** React unmounts and mounts again in one turn where StrictMode is on, or a key changes. */
const CLOSE_AFTER_MS = 500;

/**
 * Functions cannot be told apart by their users, because each rendering may make another one. So a socket with no user left goes on for
 * those that had it, and for no other: the next one may be of another person, who has signed in since.
 *
 * @returns the socket, and what gives it back
 */
export function borrowSocket(
  url: string,
  token: TokenSource | undefined,
  user: object,
): [Socket, () => void] {
  const isFunction = typeof token === 'function';
  const key = JSON.stringify([url, isFunction ? 'function' : token]);
  const known = pool.get(key);
  const isOfOthers = known !== undefined && isFunction && known.users.size === 0 && !known.past.has(user);
  if (isOfOthers) known.socket.disconnect();
  const pooled: Pooled =
    known === undefined || isOfOthers
      ? { socket: io(url, { forceNew: true }), users: new Set(), past: new WeakSet() }
      : known;
  pool.set(key, pooled);
  pooled.users.add(user);
  const giveBack = () => {
    pooled.users.delete(user);
    pooled.past.add(user);
    setTimeout(() => {
      if (pooled.users.size > 0 || pool.get(key) !== pooled) return;
      pool.delete(key);
      pooled.socket.disconnect();
    }, CLOSE_AFTER_MS);
  };
  return [pooled.socket, giveBack];
}
