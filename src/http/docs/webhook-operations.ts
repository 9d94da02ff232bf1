/** The operations on webhooks. */
import { webhookBody } from '../body-schemas.js';
import { listQuery } from '../parameters.js';
import type { Operation } from './operation.js';
import * as schemas from './schemas.js';

const WEBHOOK = '/api/webhooks/{id}';

export const webhooks = (): Operation[] => [
  {
    method: 'post',
    path: '/api/webhooks',
    id: 'addWebhook',
    summary:
      "Registers a URL that gets the events of the caller's files, signed as Standard Webhooks says. The secret is shown once.",
    body: webhookBody,
    answers: [{ status: 201, description: 'It is registered.', content: schemas.newWebhook }],
    codes: ['invalid_request', 'forbidden', 'file_not_found', 'payload_too_large', 'rate_limited'],
  },
  {
    method: 'get',
    path: '/api/webhooks',
    id: 'listWebhooks',
    summary: "The caller's webhooks, oldest first.",
    answers: [{ status: 200, description: 'All of them.', content: schemas.webhookList }],
    codes: ['forbidden'],
  },
  {
    method: 'delete',
    path: WEBHOOK,
    id: 'removeWebhook',
    summary: 'Removes it, with its deliveries.',
    answers: [{ status: 204, description: 'It is removed.' }],
    codes: ['invalid_request', 'forbidden', 'not_found'],
  },
  {
    method: 'get',
    path: `${WEBHOOK}/deliveries`,
    id: 'listDeliveries',
    summary: 'What was or is to be delivered to it, newest first.',
    query: listQuery,
    answers: [{ status: 200, description: 'A page of the list.', content: schemas.deliveryList }],
    codes: ['invalid_request', 'forbidden', 'not_found'],
  },
  {
    method: 'post',
    path: `${WEBHOOK}/deliveries/{deliveryId}/replay`,
    id: 'replayDelivery',
    summary: 'Delivers it again, under the same `webhook-id`.',
    answers: [{ status: 202, description: 'It is due.', content: schemas.replayedDelivery }],
    codes: ['invalid_request', 'forbidden', 'not_found', 'rate_limited'],
  },
];
