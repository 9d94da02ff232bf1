/** The JSON shapes of the REST surface and the socket, for their descriptions; tests check real answers by them. */
export * from './schemas/files.js';
export * from './schemas/gateway.js';
export * from './schemas/lists.js';
export * from './schemas/submissions.js';
export * from './schemas/webhooks.js';
