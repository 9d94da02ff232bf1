/** Stops a gateway: in order, within the time, and each step whether or not the step before it succeeded. */

import type { Engine } from '../engine/engine.js';
import type { WritesInFlight } from '../http/writes-in-flight.js';
import type { Logger } from '../logger.js';
import { drainSockets } from '../realtime/draining.js';
import type { Submissions } from '../submission/submissions.js';
import type { Validator } from '../validator/validator.js';
import { settledWithin } from '../waiting.js';
import type { WebhookSender } from '../webhooks/sender.js';
import type { GatewayServer } from './server.js';
import type { UpdatePath } from './update-path.js';

/** Shares of `SHUTDOWN_TIMEOUT_MS`. Requests in flight may take this much. */
const REQUESTS_SHARE = 0.5;
/** After this much the listeners are disconnected, even if a server that hangs keeps updates from being stored. */
const FINISH_SHARE = 0.6;
/** Listeners may take this much to read `server_draining`. They are sent away in the time that the updates have left. */
const DRAINING_SHARE = 0.1;
/** Clients may take this much to close their connections. */
const CONNECTIONS_SHARE = 0.25;

interface ShutdownDeps {
  readonly engine: Engine;
  readonly updates: UpdatePath;
  readonly server: GatewayServer;
  readonly writes: WritesInFlight;
  readonly submissions: Submissions | null;
  readonly validator: Validator | null;
  readonly webhooks: WebhookSender;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

export async function shutDown(deps: ShutdownDeps): Promise<void> {
  const { engine, updates, server, writes, submissions, validator, webhooks, timeoutMs, logger } = deps;
  const startedAt = performance.now();
  const step: Step = async (name, action) => {
    try {
      await action();
    } catch (error) {
      logger.error({ err: error, step: name }, 'a step of the shutdown failed; the next one follows');
    }
  };
  const finish = async () => {
    await step('close the inlets', () => updates.inlets?.close());
    await step('answer the requests under way', () => writes.drain(timeoutMs * REQUESTS_SHARE));
    await step('end the registrations under way', () => updates.pipeline.endRegistrations());
    await step('end the slices that are being sent', () => submissions?.close());
    await step('store the updates that were taken in', () => updates.conflator.idle());
    await step('announce the changes that were stored', () => updates.flusher.drain());
  };
  const finished = finish();
  // An attempt that is cut off here is repeated by another gateway, or after the next start.
  const stopped = step('finish the webhook attempts', () => webhooks.close(timeoutMs * REQUESTS_SHARE));
  await settledWithin(timeoutMs * FINISH_SHARE, finished);
  const sentWithinMs = timeoutMs * FINISH_SHARE - (performance.now() - startedAt);
  const readWithinMs = timeoutMs * DRAINING_SHARE;
  await step('send the listeners away', () => drainSockets(server.io, { sentWithinMs, readWithinMs }));
  const timer = setTimeout(() => server.destroyConnections(), timeoutMs * CONNECTIONS_SHARE);
  await step('close the sockets and connections', () => server.io.close());
  clearTimeout(timer);
  // It may take the rest of the time.
  await finished;
  await stopped;
  updates.reader.close();
  await step('close the validator client', () => validator?.close());
  await closeEngine(engine, step);
}

type Step = (name: string, action: () => unknown) => Promise<void>;

/** Closes the adapter, the feed and the store, in this order. */
export async function closeEngine(
  { store, feed, adapter }: Engine,
  step: Step = async (_, action) => void (await action()),
): Promise<void> {
  await step('close the socket adapter', () => adapter?.close());
  await step('close the feed', () => feed.close());
  await step('close the store', () => store.close());
}
