/** The operations on sessions, as OpenAPI describes them. */
import { revokeBody } from '../body-schemas.js';
import type { Operation } from './operation.js';
import * as schemas from './schemas.js';

export const sessions = (): Operation[] => [
  {
    method: 'get',
    path: '/api/files/{fileId}/listeners',
    id: 'countListeners',
    summary: 'How many sockets listen to a file, at all gateways.',
    answers: [
      {
        status: 200,
        description: 'The listeners, and the gateways that were counted: one that hangs is left out.',
        content: schemas.listenerCount,
      },
    ],
    codes: ['invalid_request', 'file_not_found', 'rate_limited'],
  },
  {
    method: 'post',
    path: '/api/sessions/revoke',
    id: 'revokeSessions',
    summary: 'Disconnects a user at every gateway, and refuses the tokens that were issued until now.',
    body: revokeBody,
    answers: [
      {
        status: 200,
        description: 'The revocation is stored; how many sockets were disconnected.',
        content: schemas.revoked,
      },
    ],
    codes: ['invalid_request', 'forbidden', 'payload_too_large'],
  },
];
