import type { Response } from 'express';

/** Sends JSON that is text already: what comes from the snapshots is never parsed and serialised again. */
export function sendJson(res: Response, text: string, status = 200): void {
  res.statusCode = status;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}
