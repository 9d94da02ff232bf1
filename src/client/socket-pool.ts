/** The sockets of a page: hooks for the same gateway and token share one. */
import { io, type Socket } from 'socket.io-client';
import type { TokenSource } from './token-keeper.js';

interface Pooled {
  readonly socket: Socket;
  users: number;
}

const pool = new Map<string, Pooled>();
/** React unmounts and mounts again in one turn where StrictMode is on, or a key changes. */
const CLOSE_AFTER_MS = 500;

/** @returns the socket, and what gives it back */
export function borrowSocket(url: string, token: TokenSource | undefined): [Socket, () => void] {
  const key = JSON.stringify([url, typeof token === 'function' ? 'function' : token]);
  const pooled: Pooled = pool.get(key) ?? { socket: io(url, { forceNew: true }), users: 0 };
  pool.set(key, pooled);
  pooled.users += 1;
  const giveBack = () => {
    pooled.users -= 1;
    setTimeout(() => {
      if (pooled.users > 0 || pool.get(key) !== pooled) return;
      pool.delete(key);
      pooled.socket.disconnect();
    }, CLOSE_AFTER_MS);
  };
  return [pooled.socket, giveBack];
}
