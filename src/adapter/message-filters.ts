/**
 * Which messages Socket.IO's adapter may see. Its own checks are few: a request to disconnect that names no rooms closes
 * every socket, and one without the expected fields ends the process.
 */

import { z } from 'zod';
import { isOneValue } from './message-pack.js';

/** False: the message is ignored. May throw instead. */
export type MessageFilter = (channel: string, message: Buffer) => boolean;

/** Far more than gateways and emitters have to say: to read a message of megabytes would hold up everything else for seconds. */
const MAX_MESSAGE_BYTES = 64 * 1024;
const EVENT_PACKET = 2;
/** The client of Socket.IO emits these itself. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);
/** What gateways ask each other, see `GatewayEvents`. Socket.IO would emit any other event on the server itself. */
const GATEWAY_EVENTS = ['revoked', 'count_listeners'] as const;

const strings = z.array(z.string());
const packet = z.object({
  type: z.literal(EVENT_PACKET),
  nsp: z.literal('/').optional(),
  // With an id, clients would be asked for acknowledgements, which no caller waits for here.
  id: z.undefined().optional(),
  data: z.tuple([z.string().refine((event) => !RESERVED.has(event))], z.unknown()),
});
const target = z.object({
  rooms: strings,
  except: strings,
  flags: z.record(z.string(), z.unknown()).nullish(),
});
/** Without rooms it would mean every socket. */
const someRooms = target.extend({ rooms: strings.min(1) });
const gatewayEvent = z.tuple([z.enum(GATEWAY_EVENTS)], z.unknown());
const requestId = z.string().min(1);

const broadcast = z.tuple([z.string(), packet, target]);
/**
 * The subscriptions of sockets are the guard's to decide, so requests to join or leave rooms are not among them. Nor is the one for
 * the sockets themselves: the answer would tell every user and file on a channel, and hold up the gateway while it is written.
 */
const request = z.discriminatedUnion('type', [
  z.object({ type: z.literal(4), opts: someRooms, close: z.boolean().optional() }),
  z.object({ type: z.literal(6), requestId: requestId.optional(), uid: z.string(), data: gatewayEvent }),
]);
const response = z.object({ requestId });

const fits = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success;
const parsed = (message: Buffer): unknown => JSON.parse(message.toString());

/** For the adapter on ordinary Pub/Sub. Broadcasts are MessagePack; requests and their answers JSON. */
export function messageFilter(key: string, decode: (message: Buffer) => unknown): MessageFilter {
  return (channel, message) => {
    if (message.length > MAX_MESSAGE_BYTES) return false;
    if (channel.startsWith(`${key}-request#`)) return fits(request, parsed(message));
    if (channel.startsWith(`${key}-response#`)) return fits(response, parsed(message));
    return isOneValue(message) && fits(broadcast, decode(message));
  };
}
