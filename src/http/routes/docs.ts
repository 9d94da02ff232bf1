import type { Express } from 'express';
import { sendJson } from '../answer.js';
import type { HttpDeps } from '../deps.js';
import { asyncApi } from '../docs/asyncapi.js';
import { openApi } from '../docs/openapi.js';

export function docsRoutes(app: Express, { config }: HttpDeps): void {
  const rest = JSON.stringify(openApi(config));
  const socket = JSON.stringify(asyncApi());
  app.get('/api/openapi.json', (_req, res) => sendJson(res, rest));
  app.get('/api/asyncapi.json', (_req, res) => sendJson(res, socket));
}
