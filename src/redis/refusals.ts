/** Tells by the code word of an error of Redis why a command was refused. */

import { Fault } from '../errors.js';
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
  MISCONF: {
    reason: 'disk_full',
    hint: 'Redis cannot write its own files: look at its disk, its dir and its log',
  },
  NOPERM: {
    reason: 'forbidden',
    hint: 'the user lacks a right: ACL LOG says which, docs/operations.md has the rule',
  },
  NOAUTH: { reason: 'forbidden', reconnects: true, hint: 'REDIS_URL needs a password' },
  WRONGPASS: { reason: 'forbidden', hint: 'the user or the password in REDIS_URL is wrong' },
  DENIED: { reason: 'forbidden', hint: 'protected mode: Redis accepts local connections only' },
  LOADING: { reason: 'refused', hint: 'it reads its data from the disk' },
  MASTERDOWN: { reason: 'refused', reconnects: true },
  CLUSTERDOWN: {
    reason: 'refused',
    hint: 'a part of the cluster is down, or was never formed: see CLUSTER INFO',
  },
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
  [
    /cluster support disabled/,
    'NOCLUSTER',
    { reason: 'refused', hint: 'this is no cluster: REDIS_URL has to begin with redis://' },
  ],
  [
    /unknown command .?sentinel/i,
    'NOSENTINEL',
    { reason: 'refused', hint: 'these are no sentinels: REDIS_URL has to begin with redis://' },
  ],
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
  if (error instanceof Fault && error.refusal !== undefined) return error.refusal;
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  const node = (error as { lastNodeError?: unknown } | null)?.lastNodeError;
  // The client of a cluster has asked every node, and passes on what one of them said.
  if (node instanceof Error) return refusalOf(node);
  const isReply = name === 'ReplyError';
  const ofSentinels = message.startsWith(SENTINELS);
  const known = isReply || ofSentinels ? entryOf(message) : undefined;
  if (known !== undefined) {
    const [code, { reason, hint }] = known;
    return { reason, code, ...(hint !== undefined && { hint }) };
  }
  // The first word of a reply is its code.
  if (isReply) return { reason: 'refused', code: /^[A-Z]+/.exec(message)?.[0] ?? 'ERR' };
  if (ofSentinels) return { reason: 'unreachable', code: 'SENTINELS', hint: SENTINELS_HINT };
  return networkRefusal(error) ?? unanswered(clientCode(message));
}

const unanswered = (code: string): Refusal => ({
  reason: 'unreachable',
  code,
  ...(code === 'CLOSED' && { hint: CLOSED_HINT }),
});

const CLOSED_HINT =
  'it closed the connection: where that lasts, its log says why, or TLS (rediss:// in REDIS_URL) is on at one end only';

/** The client asks one sentinel after the other; the last answer is the end of its message. */
const SENTINELS = 'All sentinels are unreachable';
const SENTINELS_HINT = 'no sentinel that REDIS_URL names answers, or none knows a primary of this name';

/** The client's own errors have no code. */
function clientCode(message: string): string {
  if (/timed? ?out/i.test(message)) return 'TIMEOUT';
  if (/secure TLS connection/.test(message)) return 'TLS';
  return 'CLOSED';
}
