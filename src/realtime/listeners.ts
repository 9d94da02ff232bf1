/** Accepts sockets as listeners: authenticates their handshakes, and answers their events. */

import type { Guard } from '../auth/guard.js';
import { callerNameOf } from '../auth/principal.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import type { Refused } from '../domain/events.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { JsonText } from '../domain/json-text.js';
import { refreshSchema, subscribeSchema, unsubscribeSchema } from '../domain/requests.js';
import { parseInput } from '../domain/schemas.js';
import { ERRORS, Fault } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { TurnLimit } from '../portions.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import type { Backpressure } from './backpressure.js';
import { trimSocket } from './memory-trimming.js';
import type { SocketServerOptions } from './server.js';
import type { ClientSocket, SocketServer } from './server-types.js';
import { SharedLimits, Subscriptions } from './subscriptions.js';
import { EventQueue, TokenBucket } from './throttling.js';

interface ListenersDeps {
  readonly guard: Guard;
  readonly broadcaster: Broadcaster;
  readonly snapshots: Snapshots;
  readonly backpressure: Backpressure;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly options: SocketServerOptions;
}

/** Characters of the requests that wait at one socket for their turn: twice those of the longest token. */
const MAX_WAITING_CHARS = 32_768;
/** Snapshots that are begun in one turn of the event loop. */
const SNAPSHOTS_PER_TURN = 64;

export function acceptListeners(io: SocketServer, deps: ListenersDeps): void {
  authenticateHandshakes(io, deps);
  const { maxSubscriptions, maxSubscriptionsInAll, maxEventsPerSecond } = deps.options;
  const limits = new SharedLimits(maxSubscriptionsInAll);
  const shared = { ...deps, limits, snapshotLimit: new TurnLimit(SNAPSHOTS_PER_TURN), maxSubscriptions };
  // Shared by all sockets, to save memory: most only listen.
  const receive = receiver(deps);
  const disconnected = function (this: ClientSocket) {
    deps.metrics.sockets.dec();
  };
  io.on('connection', (socket) => {
    const { data } = socket;
    data.subscriptions = new Subscriptions(socket, data, shared);
    data.eventRate = new TokenBucket(maxEventsPerSecond);
    data.eventQueue = new EventQueue(maxEventsPerSecond, MAX_WAITING_CHARS);
    deps.metrics.sockets.inc();
    socket.onAny(receive);
    socket.on('disconnect', disconnected);
    Object.assign(socket, { leaveAll: leaveAllInTurns });
    trimSocket(socket);
  });
}

/** In place of Socket.IO's own, which leaves all rooms of thousands of sockets at once where their connections end together. */
function leaveAllInTurns(this: ClientSocket): void {
  void this.data.subscriptions.end().then(() => this.nsp.adapter.delAll(this.id));
}

/** The token comes in the handshake's `auth` and nowhere else: URLs end up in logs. A refusal is the error's `data`. */
function authenticateHandshakes(io: SocketServer, { guard, metrics, options }: ListenersDeps): void {
  io.use((socket, next) => {
    const { token } = socket.handshake.auth as { token?: unknown };
    // Not later: a connection that asks for several sockets has no request any more once it has one.
    const address = options.addressOf(socket.request);
    guard.authenticate(typeof token === 'string' ? token : undefined).then(
      (principal) => {
        socket.data.principal = principal;
        socket.data.caller = callerNameOf(principal, address);
        next();
      },
      (error: unknown) => {
        const { error: data } = refusal(error);
        metrics.handshakesRefused.inc({ reason: data.code });
        next(Object.assign(new Error(data.message), { data }));
      },
    );
  });
}

/** A request as it waits for its turn: what was read of it, and nothing else that came with it. */
interface ReadRequest {
  /** Characters that it keeps in memory. */
  readonly chars: number;
  readonly handle: (subscriptions: Subscriptions) => Promise<object>;
}

/** Reads a request. @throws InvalidInput */
type Handler = (request: unknown) => ReadRequest;

const HANDLERS: ReadonlyMap<unknown, Handler> = new Map<unknown, Handler>([
  [
    'subscribe',
    (request) => {
      const { fileId, feeds, since = null } = parseInput(subscribeSchema, request, 'request');
      return {
        chars: fileId.length + (since?.epoch.length ?? 0),
        handle: (subscriptions) => subscriptions.subscribe(fileId, feeds, since),
      };
    },
  ],
  [
    'unsubscribe',
    (request) => {
      const { fileId } = parseInput(unsubscribeSchema, request, 'request');
      return {
        chars: fileId.length,
        async handle(subscriptions) {
          await subscriptions.unsubscribe(fileId);
          return { ok: true };
        },
      };
    },
  ],
  [
    'refresh',
    (request) => {
      const { token } = parseInput(refreshSchema, request, 'request');
      return {
        chars: token.length,
        handle: async (subscriptions) => ({ ok: true, expiresAt: await subscriptions.refresh(token) }),
      };
    },
  ],
]);

/** A request that cannot be read is refused in its turn. */
function readRequest(read: Handler, request: unknown): ReadRequest {
  try {
    return read(request);
  } catch (error) {
    return { chars: 0, handle: () => Promise.reject(error) };
  }
}

type Acknowledge = (answer: object) => void;

/**
 * Answers each event. Unknown events, and those above the socket's rate, are refused at once. The others are answered
 * one at a time: an answer may be large, and a client that asks without reading must not make answers pile up. An event
 * without an acknowledgement is handled like any other.
 */
function receiver(deps: ListenersDeps) {
  const { backpressure, metrics, options } = deps;
  return function receive(this: ClientSocket, event: unknown, ...args: unknown[]): void {
    const { subscriptions, eventRate, eventQueue } = this.data;
    // Checked first, because refusals are buffered too.
    if (!this.connected || subscriptions.hasEnded || !backpressure.mayWrite(this)) return;
    const last = args.at(-1);
    const acknowledge: Acknowledge = typeof last === 'function' ? (last as Acknowledge) : () => undefined;
    const refuse = (...fault: ConstructorParameters<typeof Fault>) => {
      metrics.socketRequests.inc({ event: labelOf(event), outcome: fault[0] });
      acknowledge(refusal(new Fault(...fault)));
    };

    if (!eventRate.take()) {
      refuse('rate_limited', `a socket may send ${options.maxEventsPerSecond} events a second`);
      return;
    }
    const handler = HANDLERS.get(event);
    if (handler === undefined) {
      refuse('invalid_request', `event: is not one of ${[...HANDLERS.keys()].join(', ')}`);
      return;
    }
    // Read before it waits: a packet takes twenty times its bytes where it is parsed to thousands of objects.
    const { chars, handle } = readRequest(handler, args[0]);
    const isQueued = eventQueue.tryAdd(async () => {
      if (!(await backpressure.waitUntilWritable(this))) return;
      const answer = await answerTo(event, () => handle(subscriptions), deps);
      if (subscriptions.hasEnded) return;
      acknowledge(answer);
      // Not for refusals above, of which a socket that does not read may cause a thousand a second.
      backpressure.answered(this);
    }, chars);
    if (!isQueued) refuse('rate_limited', 'too many events wait for their answers');
  };
}

async function answerTo(
  event: unknown,
  handle: () => Promise<object>,
  { metrics, logger }: ListenersDeps,
): Promise<object> {
  const count = (outcome: string) => metrics.socketRequests.inc({ event: labelOf(event), outcome });
  try {
    const answer = await handle();
    count(outcomeOf(answer));
    return answer;
  } catch (error) {
    const refused = refusal(error);
    count(refused.error.code);
    if (refused.error.code === 'internal') logger.error({ err: error, event }, 'an event failed');
    return refused;
  }
}

/** A client may send any text as an event: only ours are names of labels. */
const labelOf = (event: unknown): string => (HANDLERS.has(event) ? String(event) : 'unknown');

/** Characters in which the answer to `subscribe` says whether the listener recovered: a file's id is shorter than the rest. */
const HEAD_CHARS = 4096;

function outcomeOf(answer: object): string {
  if (!(answer instanceof JsonText)) return 'ok';
  // Inside a string its quotes would be escaped. The answer is too long to be parsed for this.
  return answer.json.slice(0, HEAD_CHARS).includes('"recovered":true') ? 'recovered' : 'snapshot';
}

/** An error as an answer: a request that fails never ends its connection. */
export function refusal(error: unknown): Refused {
  const fault =
    error instanceof Fault
      ? error
      : error instanceof InvalidInput
        ? new Fault('invalid_request', error.message)
        : new Fault('internal');
  return {
    ok: false,
    error: { code: fault.code, message: fault.message, retryable: ERRORS[fault.code].retryable },
  };
}
