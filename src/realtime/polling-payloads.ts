/**
 * Keeps the payload of one poll within the packets that every client decodes: python-socketio stops at 16, as a guard against
 * large payloads. What is left goes out with the next poll, which follows at once.
 */

import type { ServerResponse } from 'node:http';
import type { Server } from 'socket.io';
import { callerNameOf } from '../auth/principal.js';
import type { ClientIpOf } from '../client-ip.js';
import { LARGE_ANSWER, type UnreadAnswers } from '../unread-answers.js';
import { internalsOf } from './engine-internals.js';

const MAX_PACKETS = 16;

type Connection = Parameters<typeof internalsOf>[0];

/** engine.io announces what it is about to hand to the transport, and then that it has done so, in the same turn. */
export function limitPollingPayloads(engine: Server['engine']): void {
  let rest: unknown[] = [];
  engine.on('flush', (connection: Connection, packets: unknown[]) => {
    const { readyState, transport } = internalsOf(connection);
    // A connection that closes after this payload sends all that it has.
    if (transport?.name === 'polling' && readyState === 'open' && packets.length > MAX_PACKETS)
      rest = packets.splice(MAX_PACKETS);
  });
  engine.on('drain', (connection: Connection) => {
    if (rest.length === 0) return;
    // Before what was written since.
    internalsOf(connection).writeBuffer?.unshift(...(rest as { data?: unknown }[]));
    rest = [];
  });
}

/** Counts large payloads of polls as what they are: answers that wait for a client to read them. */
export function countUnreadPolls(
  engine: Server['engine'],
  unread: UnreadAnswers,
  addressOf: ClientIpOf,
): void {
  let poll: { response: ServerResponse; bytes: number } | null = null;
  engine.on('flush', (connection: Connection, packets: readonly { readonly data?: unknown }[]) => {
    const response = internalsOf(connection).transport?.res;
    poll = response == null ? null : { response, bytes: charsOf(packets) };
  });
  // Not sooner: where there is no room, connections are closed, of which this may be one.
  engine.on('drain', () => {
    if (poll === null || poll.bytes < LARGE_ANSWER) return;
    const { response, bytes } = poll;
    poll = null;
    const caller = callerNameOf({ sub: null }, addressOf(response.req));
    unread.add(response, { caller, bytes: () => bytes, end: () => response.destroy() });
    response.once('close', () => unread.remove(response));
  });
}

const charsOf = (packets: readonly { readonly data?: unknown }[]): number =>
  packets.reduce((sum, { data }) => sum + (typeof data === 'string' ? data.length : 0), 0);
