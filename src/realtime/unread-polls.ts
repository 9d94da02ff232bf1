/** Counts large payloads of polls as what they are: answers that wait for a client to read them. */

import type { ServerResponse } from 'node:http';
import type { Server } from 'socket.io';
import { callerNameOf } from '../auth/principal.js';
import type { ClientIpOf } from '../client-ip.js';
import { LARGE_ANSWER, type UnreadAnswers } from '../unread-answers.js';
import { internalsOf } from './engine-internals.js';

type Connection = Parameters<typeof internalsOf>[0];

export function countUnreadPolls(
  engine: Server['engine'],
  unread: UnreadAnswers,
  addressOf: ClientIpOf,
): void {
  let poll: { response: ServerResponse; bytes: number } | null = null;
  engine.on('flush', (connection: Connection, packets: readonly { readonly data?: unknown }[]) => {
    const response = internalsOf(connection).transport?.res;
    const bytes = response == null ? 0 : charsOf(packets);
    poll = response == null || bytes < LARGE_ANSWER ? null : { response, bytes };
  });
  // Not sooner: where there is no room, connections are closed, of which this may be one.
  engine.on('drain', () => {
    if (poll === null) return;
    const { response, bytes } = poll;
    poll = null;
    const caller = callerNameOf({ sub: null }, addressOf(response.req));
    unread.add(response, { caller, bytes: () => bytes, end: () => response.destroy() });
    response.once('close', () => unread.remove(response));
  });
}

const charsOf = (packets: readonly { readonly data?: unknown }[]): number =>
  packets.reduce((sum, { data }) => sum + (typeof data === 'string' ? data.length : 0), 0);
