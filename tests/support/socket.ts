/** Plain Socket.IO clients for tests. */
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import type { Refusal, Subscription } from './protocol.js';
import { onTeardown } from './teardown.js';

const ANSWER_MS = 30_000;

/** A connected client. It is disconnected after the test. */
export async function connect(
  url: string,
  options: Partial<ManagerOptions & SocketOptions> = {},
): Promise<Socket> {
  const socket = open(url, options);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

export function open(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Socket {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, ...options });
  onTeardown(() => socket.disconnect());
  return socket;
}

/** Sends an event with these arguments and waits for the answer. */
export function ask(socket: Socket, event: string, ...args: unknown[]): Promise<unknown> {
  return socket.timeout(ANSWER_MS).emitWithAck(event, ...args);
}

export async function subscribe(socket: Socket, request: object): Promise<Subscription> {
  const answer = (await ask(socket, 'subscribe', request)) as Subscription | Refusal;
  if (!answer.ok) throw new Error(`refused: ${JSON.stringify(answer.error)}`);
  return answer;
}

/** The refusal of an event, without its human-readable message. */
export async function refusalOf(socket: Socket, event: string, ...args: unknown[]): Promise<object> {
  const answer = (await ask(socket, event, ...args)) as Refusal;
  const { code, retryable, message } = answer.error ?? {};
  return { ok: answer.ok, code, retryable, says: typeof message === 'string' && message !== '' };
}
