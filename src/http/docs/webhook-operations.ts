/** The operations on webhooks. */
import { webhookBody } from '../body-schemas.js';
import { listQuery } from '../parameters.js';
import { accepted, created, del, get, noContent, type Operation, ok, post } from './operation.js';
import * as schemas from './schemas.js';

const WEBHOOK = '/api/webhooks/{id}';

export const webhooks = (): Operation[] => [
  post(
    '/api/webhooks',
    'addWebhook',
    "Registers a URL that gets the events of the caller's files, signed as Standard Webhooks says. The secret is shown once.",
    {
      body: webhookBody,
      answers: [created('It is registered.', schemas.newWebhook)],
      codes: ['file_not_found', 'payload_too_large', 'rate_limited'],
    },
  ),
  get('/api/webhooks', 'listWebhooks', "The caller's webhooks, oldest first.", {
    answers: [ok('All of them.', schemas.webhookList)],
  }),
  del(WEBHOOK, 'removeWebhook', 'Removes it, with its deliveries.', {
    answers: [noContent('It is removed.')],
    codes: ['not_found'],
  }),
  get(`${WEBHOOK}/deliveries`, 'listDeliveries', 'What was or is to be delivered to it, newest first.', {
    query: listQuery,
    answers: [ok('A page of the list.', schemas.deliveryList)],
    codes: ['not_found'],
  }),
  post(
    `${WEBHOOK}/deliveries/{deliveryId}/replay`,
    'replayDelivery',
    'Delivers it again, under the same `webhook-id`.',
    {
      answers: [accepted('It is due.', schemas.replayedDelivery)],
      codes: ['not_found', 'rate_limited'],
    },
  ),
];
