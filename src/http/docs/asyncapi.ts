/** The socket events and the Redis channels (distributed engine) as an AsyncAPI 3.0 document. */
import { z } from 'zod';
import type { ClientToServerEvents, ServerToClientEvents } from '../../domain/events.js';
import { refreshSchema, subscribeSchema, unsubscribeSchema } from '../../domain/requests.js';
import { idSchema } from '../../domain/schemas.js';
import { ERRORS } from '../../errors.js';
import { components } from './components.js';
import { API_VERSION } from './openapi.js';
import * as schemas from './schemas.js';

interface Event {
  readonly summary: string;
  readonly payload: z.ZodType;
}

const refused = z.object({
  ok: z.literal(false),
  error: z.object({ code: z.enum(Object.keys(ERRORS)), message: z.string(), retryable: z.boolean() }),
});
const done = z.object({ ok: z.literal(true) });
const deleted = z.object({ fileId: idSchema });
const ended = z.object({ fileId: idSchema, code: z.string() });
const advice = z.object({ reconnectInMs: z.number().int().min(0) });
const subscribed = z.object({
  ok: z.literal(true),
  fileId: idSchema,
  epoch: z.string(),
  revision: z.number().int().min(0),
  recovered: z.boolean().describe('true: `missed` holds every file_emails after `since`; false: start over'),
  stats: schemas.stats,
  emails: schemas.emailsPage.optional(),
  missed: z.array(schemas.fileEmails).optional(),
});
const refreshed = done.extend({ expiresAt: z.iso.datetime().nullable() });

export const SENT: Record<keyof ServerToClientEvents, Event> = {
  file_stats: { summary: 'The totals of a file have changed.', payload: schemas.stats },
  file_emails: { summary: 'Results that are new or changed.', payload: schemas.fileEmails },
  file_deleted: { summary: 'The file was deleted.', payload: deleted },
  unsubscribed: { summary: 'The gateway has ended a subscription.', payload: ended },
  server_draining: {
    summary: 'The gateway is about to close; reconnect after the given time, to any gateway.',
    payload: advice,
  },
};

export const RECEIVED: Record<keyof ClientToServerEvents, Event & { readonly reply: z.ZodType }> = {
  subscribe: {
    summary: 'Joins the rooms of a file and answers with its snapshot.',
    payload: subscribeSchema,
    reply: subscribed,
  },
  unsubscribe: { summary: 'Leaves the rooms of a file.', payload: unsubscribeSchema, reply: done },
  refresh: {
    summary: 'Replaces the token before it expires.',
    payload: refreshSchema,
    reply: refreshed,
  },
};

export function asyncApi(): object {
  const { schemas: named, refer } = components({
    Stats: schemas.stats,
    Result: schemas.result,
    EmailsPage: schemas.emailsPage,
    FileEmails: schemas.fileEmails,
    Update: schemas.update,
    Deleted: deleted,
    Unsubscribed: ended,
    Advice: advice,
    Subscribe: subscribeSchema,
    Subscribed: subscribed,
    Unsubscribe: unsubscribeSchema,
    Done: done,
    Refresh: refreshSchema,
    Refreshed: refreshed,
    Refused: refused,
  });
  const events = { ...SENT, ...RECEIVED };
  const message = (name: string, { summary, payload }: Event) => ({ name, summary, payload: refer(payload) });
  const replies = Object.entries(RECEIVED).map(([name, { reply }]) => [
    `${name}Reply`,
    {
      name: `${name}Reply`,
      summary: 'The acknowledgement.',
      payload: { oneOf: [refer(reply), refer(refused)] },
    },
  ]);
  return {
    asyncapi: '3.0.0',
    info: { title: 'Verigate', version: API_VERSION, description: 'Socket.IO events and Redis channels.' },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: '/socket.io/',
        description: 'Socket.IO 4, default namespace. `auth: { token }` in the handshake where AUTH=jwt.',
        messages: {
          ...Object.fromEntries(Object.entries(events).map(([name, event]) => [name, message(name, event)])),
          ...Object.fromEntries(replies),
        },
      },
      ...redisChannels(message),
    },
    operations: operations(),
    components: { schemas: named },
  };
}

function redisChannels(message: (name: string, event: Event) => object): Record<string, object> {
  const parameters = { fileId: { description: 'the id of the file, without the braces' } };
  const update = { summary: 'One cumulative message about one batch.', payload: schemas.update };
  const channel = (address: string, description: string, name: string, event: Event) => ({
    address,
    description: `${description} (distributed engine)`,
    messages: { [name]: message(name, event) },
  });
  return {
    statsMirror: {
      ...channel(
        'file_stats:{fileId}',
        'Redis Pub/Sub, the same payload as in the rooms',
        'file_stats',
        SENT.file_stats,
      ),
      parameters,
    },
    emailsMirror: {
      ...channel(
        'file_emails:{fileId}',
        'Redis Pub/Sub, the same payload as in the rooms',
        'file_emails',
        SENT.file_emails,
      ),
      parameters,
    },
    inlet: channel('email_validation_results', 'Redis Pub/Sub, at most once', 'update', update),
    streamInlet: channel(
      'email_validation_results:stream',
      'Redis Stream, group `verigate`, the JSON in field `data`, at least once; with STREAM_SHARDS=n also its parts `:0` to `:n-1`, chosen by crc32(batchId) modulo n',
      'update',
      update,
    ),
  };
}

function operations(): Record<string, object> {
  const on = (channel: string) => ({ channel: { $ref: `#/channels/${channel}` } });
  const messages = (channel: string, names: readonly string[]) => ({
    ...on(channel),
    messages: names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  });
  const received = Object.keys(RECEIVED).map((name) => [
    name,
    { action: 'receive', ...messages('socket', [name]), reply: messages('socket', [`${name}Reply`]) },
  ]);
  return {
    announce: { action: 'send', ...messages('socket', Object.keys(SENT)) },
    ...Object.fromEntries(received),
    mirrorStats: { action: 'send', ...messages('statsMirror', ['file_stats']) },
    mirrorEmails: { action: 'send', ...messages('emailsMirror', ['file_emails']) },
    takeUpdate: { action: 'receive', ...messages('inlet', ['update']) },
    takeStreamedUpdate: { action: 'receive', ...messages('streamInlet', ['update']) },
  };
}
