/** The operations on sessions, as OpenAPI describes them. */
import { revokeBody } from '../body-schemas.js';
import { get, type Operation, ok, post } from './operation.js';
import * as schemas from './schemas.js';

export const sessions = (): Operation[] => [
  get(
    '/api/files/{fileId}/listeners',
    'countListeners',
    'How many sockets listen to a file, at all gateways.',
    {
      answers: [
        ok(
          'The listeners, and the gateways that were counted: one that hangs is left out.',
          schemas.listenerCount,
        ),
      ],
      codes: ['file_not_found', 'rate_limited'],
    },
  ),
  post(
    '/api/sessions/revoke',
    'revokeSessions',
    'Disconnects a user at every gateway, and refuses the tokens that were issued until now.',
    {
      body: revokeBody,
      answers: [ok('The revocation is stored; how many sockets were disconnected.', schemas.revoked)],
      codes: ['payload_too_large'],
    },
  ),
];
