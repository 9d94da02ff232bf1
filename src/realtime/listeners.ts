import type { Guard } from '../auth/guard.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import { Fault } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import type { Backpressure } from './backpressure.js';
import { EventQueue } from './event-queue.js';
import { trimSocket } from './memory-trimming.js';
import { Pacer } from './pacer.js';
import { read, refreshSchema, refusal, subscribeSchema, unsubscribeSchema } from './requests.js';
import type { SocketServerOptions } from './server.js';
import type { ClientSocket, SocketServer } from './server-types.js';
import { Subscriptions } from './subscriptions.js';
import { TokenBucket } from './token-bucket.js';

export interface ListenersDeps {
  readonly guard: Guard;
  readonly broadcaster: Broadcaster;
  readonly snapshots: Snapshots;
  readonly backlogs: Backpressure;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly options: SocketServerOptions;
}

/** Snapshots that are answered in one turn of the event loop: each may be some 30 kB to write. */
const SNAPSHOTS_PER_TURN = 64;

/** Lets listeners in. What is done for all of them alike is done by functions that they share: most only listen. */
export function acceptListeners(io: SocketServer, deps: ListenersDeps): void {
  identifyAll(io, deps.guard);
  const { maxSubscriptions, maxEventsPerSecond } = deps.options;
  const shared = { ...deps, pacer: new Pacer(SNAPSHOTS_PER_TURN), maxSubscriptions };
  const receive = receiver(deps);
  const leave = function (this: ClientSocket) {
    deps.metrics.sockets.dec();
    this.data.subscriptions.end();
  };
  io.on('connection', (socket) => {
    const { data } = socket;
    data.subscriptions = new Subscriptions(socket, data.principal, shared);
    data.events = new TokenBucket(maxEventsPerSecond);
    data.turns = new EventQueue(maxEventsPerSecond);
    deps.metrics.sockets.inc();
    socket.onAny(receive);
    socket.on('disconnect', leave);
    trimSocket(socket);
  });
}

/**
 * Lets nobody in who brings no good token. It stands in the handshake's `auth`, and is looked for nowhere else: a URL ends
 * up in logs. What was wrong is in the error's `data`, as in every refusal.
 */
function identifyAll(io: SocketServer, guard: Guard): void {
  io.use((socket, next) => {
    const { token } = socket.handshake.auth as { token?: unknown };
    guard.authenticate(typeof token === 'string' ? token : undefined).then(
      (principal) => {
        socket.data.principal = principal;
        next();
      },
      (error: unknown) => {
        const { error: data } = refusal(error);
        next(Object.assign(new Error(data.message), { data }));
      },
    );
  });
}

type Handle = (subscriptions: Subscriptions, request: unknown) => Promise<object>;

const HANDLES: ReadonlyMap<unknown, Handle> = new Map<unknown, Handle>([
  [
    'subscribe',
    async (subscriptions, request) => {
      const { fileId, feeds, since } = read(subscribeSchema, request);
      return subscriptions.subscribe(fileId, feeds, since ?? null);
    },
  ],
  [
    'unsubscribe',
    async (subscriptions, request) => {
      await subscriptions.unsubscribe(read(unsubscribeSchema, request).fileId);
      return { ok: true };
    },
  ],
  [
    'refresh',
    async (subscriptions, request) => {
      return { ok: true, expiresAt: await subscriptions.refresh(read(refreshSchema, request).token) };
    },
  ],
]);

type Answer = (reply: object) => void;

/**
 * Answers whatever is sent: each event is checked, and never anybody else's problem. What is too much or unknown is refused
 * before anybody works on it. The others are answered one after the other: the answer to somebody who was away may be
 * large, and whoever asks without reading must not make them pile up. An event without an acknowledgement is carried out
 * all the same.
 */
function receiver({ backlogs, logger, options }: ListenersDeps) {
  return function receive(this: ClientSocket, event: unknown, ...args: unknown[]): void {
    // Refusals wait to be read as well.
    if (!this.connected || !backlogs.admits(this)) return;
    const { subscriptions, events, turns } = this.data;
    const last = args.at(-1);
    const answer: Answer = typeof last === 'function' ? (last as Answer) : () => undefined;
    const refuse = (...fault: ConstructorParameters<typeof Fault>) => answer(refusal(new Fault(...fault)));

    if (!events.take()) {
      refuse('rate_limited', `a socket may send ${options.maxEventsPerSecond} events a second`);
      return;
    }
    const handle = HANDLES.get(event);
    if (handle === undefined) {
      refuse('invalid_request', `event: is not one of ${[...HANDLES.keys()].join(', ')}`);
      return;
    }
    const taken = turns.take(async () => {
      if (!(await backlogs.ready(this))) return;
      answer(await answerTo(event, () => handle(subscriptions, args[0]), logger));
    });
    if (!taken) refuse('rate_limited', 'too many events wait for their answers');
  };
}

async function answerTo(event: unknown, handle: () => Promise<object>, logger: Logger): Promise<object> {
  try {
    return await handle();
  } catch (error) {
    const refused = refusal(error);
    if (refused.error.code === 'internal') logger.error({ err: error, event }, 'an event failed');
    return refused;
  }
}
