import type { Express } from 'express';
import type { HttpDependencies } from '../dependencies.js';
import { asyncApi } from '../docs/asyncapi.js';
import { openApi } from '../docs/openapi.js';
import { sendJson } from '../send-json.js';

export function docsRoutes(app: Express, { config }: HttpDependencies): void {
  const rest = onFirstUse(() => openApi(config));
  const socket = onFirstUse(asyncApi);
  app.get('/api/openapi.json', (_req, res) => sendJson(res, rest()));
  app.get('/api/asyncapi.json', (_req, res) => sendJson(res, socket()));
}

/** Making a description costs more than all the rest of the start together, and most gateways are never asked for it. */
function onFirstUse(make: () => unknown): () => string {
  let text: string | null = null;
  return () => {
    text ??= JSON.stringify(make());
    return text;
  };
}
