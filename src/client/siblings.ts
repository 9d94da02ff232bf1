import type { Feed, ListenerSocket } from './protocol.js';

interface Sibling {
  readonly feeds: readonly Feed[];
}

/** A socket has one subscription per file, however many listeners: together they decide what it holds and when it ends. */
const listenersOf = new WeakMap<ListenerSocket, Map<string, Set<Sibling>>>();

export function join(socket: ListenerSocket, fileId: string, listener: Sibling): void {
  const files = listenersOf.get(socket) ?? new Map<string, Set<Sibling>>();
  listenersOf.set(socket, files);
  files.set(fileId, (files.get(fileId) ?? new Set<Sibling>()).add(listener));
}

export function leave(socket: ListenerSocket, fileId: string, listener: Sibling): void {
  const files = listenersOf.get(socket);
  const left = files?.get(fileId);
  left?.delete(listener);
  if (left?.size === 0) files?.delete(fileId);
}

/** All that the socket's listeners of the file want; empty when nobody listens any more. */
export function feedsWanted(socket: ListenerSocket, fileId: string): Feed[] {
  const listeners = listenersOf.get(socket)?.get(fileId) ?? [];
  return [...new Set([...listeners].flatMap((listener) => listener.feeds))];
}
