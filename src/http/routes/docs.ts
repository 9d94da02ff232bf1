/** The descriptions of the REST surface and of the socket, for people and programs. */
import type { Express } from 'express';
import type { HttpDependencies } from '../dependencies.js';
import { asyncApi } from '../docs/asyncapi.js';
import { openApi } from '../docs/openapi.js';
import { sendJson } from '../responses.js';

export function docsRoutes(app: Express, { config }: HttpDependencies): void {
  const rest = onFirstUse(() => openApi(config));
  const socket = onFirstUse(asyncApi);
  app.get('/api/openapi.json', (_req, res) => sendJson(res, rest()));
  app.get('/api/asyncapi.json', (_req, res) => sendJson(res, socket()));
}

/**
 * Building a description takes longer than the rest of the start, and most gateways are never asked for one. As bytes, which all
 * answers share: of a text each client that does not read would have a copy, and no token is needed to ask.
 */
function onFirstUse(make: () => unknown): () => Buffer {
  let json: Buffer | null = null;
  return () => {
    json ??= Buffer.from(JSON.stringify(make()));
    return json;
  };
}
