/**
 * The listeners of one file on one socket. A socket has one subscription per file, however many listeners: together they
 * decide its feeds, and the last one ends it.
 */
import type { Feed, ListenerSocket } from './protocol.js';

interface SharedListener {
  readonly feeds: readonly Feed[];
}

const listenersOf = new WeakMap<ListenerSocket, Map<string, Set<SharedListener>>>();

export function join(socket: ListenerSocket, fileId: string, listener: SharedListener): void {
  const files = listenersOf.get(socket) ?? new Map<string, Set<SharedListener>>();
  listenersOf.set(socket, files);
  files.set(fileId, (files.get(fileId) ?? new Set<SharedListener>()).add(listener));
}

export function leave(socket: ListenerSocket, fileId: string, listener: SharedListener): void {
  const files = listenersOf.get(socket);
  const others = files?.get(fileId);
  others?.delete(listener);
  if (others?.size === 0) files?.delete(fileId);
}

/** The feeds of all listeners of the file on this socket; empty when there is none. */
export function feedsWanted(socket: ListenerSocket, fileId: string): Feed[] {
  const listeners = listenersOf.get(socket)?.get(fileId) ?? [];
  return [...new Set([...listeners].flatMap((listener) => listener.feeds))];
}
