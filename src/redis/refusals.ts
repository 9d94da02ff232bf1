/** What a reply of Redis refuses, told by its code word. */

import { networkRefusal, type Refusal, type RefusalReason } from '../refusal.js';

interface Entry {
  readonly reason: RefusalReason;
  /** A new connection may lead to another server, or to one that knows this user. */
  readonly reconnects?: true;
  readonly hint?: string;
}

const REPLIES: Readonly<Record<string, Entry>> = {
  READONLY: { reason: 'read_only', reconnects: true },
  NOREPLICAS: { reason: 'read_only', hint: 'fewer replicas than min-replicas-to-write' },
  // The blocked command of a primary that has become a replica.
  UNBLOCKED: { reason: 'read_only', reconnects: true },
  OOM: { reason: 'out_of_memory', hint: 'raise maxmemory' },
  MISCONF: { reason: 'disk_full', hint: 'Redis cannot write its own files' },
  NOPERM: { reason: 'forbidden', hint: 'the user lacks a right, see docs/operations.md' },
  NOAUTH: { reason: 'forbidden', reconnects: true, hint: 'REDIS_URL needs a password' },
  WRONGPASS: { reason: 'forbidden', hint: 'the user or the password in REDIS_URL is wrong' },
  DENIED: { reason: 'forbidden', hint: 'protected mode: Redis accepts local connections only' },
  LOADING: { reason: 'refused', hint: 'it reads its data from the disk' },
  MASTERDOWN: { reason: 'refused', reconnects: true },
  CLUSTERDOWN: { reason: 'refused' },
  MOVED: { reason: 'refused', hint: 'this is one node of a cluster: REDIS_URL has to name the cluster' },
  CROSSSLOT: { reason: 'refused' },
  TRYAGAIN: { reason: 'refused' },
  BUSY: { reason: 'refused', hint: 'a script of another client runs for too long' },
  WRONGTYPE: { reason: 'refused', hint: 'a key that the gateway needs holds something else' },
  NOGROUP: { reason: 'refused' },
  NOSCRIPT: { reason: 'refused' },
  EXECABORT: { reason: 'refused' },
};

/** Replies that have a code word of their own only in some versions, by a part of their text. */
const PHRASES: readonly (readonly [RegExp, string, Entry])[] = [
  [/max number of clients reached/, 'MAXCLIENTS', { reason: 'refused', hint: 'raise maxclients' }],
  [/The user executing the script can't/, 'NOPERM', REPLIES.NOPERM as Entry],
  [/DB index is out of range/, 'DBINDEX', { reason: 'refused', hint: 'there is no such database' }],
  [/SELECT is not allowed in cluster mode/, 'CLUSTER', REPLIES.MOVED as Entry],
  [/invalid password/, 'WRONGPASS', REPLIES.WRONGPASS as Entry],
];

/**
 * A code word wherever it stands: Redis 6.2 wraps the errors of scripts (`ERR Error running script …: -READONLY …`). Quoted
 * words are arguments that Redis repeats.
 */
const CODE = new RegExp(`(?<![\\w'"])(${Object.keys(REPLIES).join('|')})(?![\\w'"])`);

function entryOf(message: string): readonly [code: string, entry: Entry] | undefined {
  const code = CODE.exec(message)?.[1];
  const entry = code === undefined ? undefined : REPLIES[code];
  if (code !== undefined && entry !== undefined) return [code, entry];
  const phrase = PHRASES.find(([text]) => text.test(message));
  return phrase === undefined ? undefined : [phrase[1], phrase[2]];
}

/** Whether the client should connect anew because of this reply. */
export const needsNewConnection = (error: Error): boolean => entryOf(error.message)?.[1].reconnects === true;

/** The refusal in an error of the client; whatever is not known counts as unreachable, or as refused where it is a reply. */
export function refusalOf(error: unknown): Refusal {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  const isReply = name === 'ReplyError';
  const known = isReply ? entryOf(message) : undefined;
  if (known !== undefined) {
    const [code, { reason, hint }] = known;
    return { reason, code, ...(hint !== undefined && { hint }) };
  }
  // The first word of a reply is its code.
  if (isReply) return { reason: 'refused', code: /^[A-Z]+/.exec(message)?.[0] ?? 'ERR' };
  return networkRefusal(error) ?? { reason: 'unreachable', code: clientCode(message) };
}

/** The client's own errors have no code. */
function clientCode(message: string): string {
  if (/timed? ?out/i.test(message)) return 'TIMEOUT';
  if (/secure TLS connection/.test(message)) return 'TLS';
  return 'CLOSED';
}
