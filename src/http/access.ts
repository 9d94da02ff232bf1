import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { Action } from '../auth/access-rules.js';
import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';

const callers = new WeakMap<IncomingMessage, Principal>();

/** Finds out who asks, by the `Authorization` header alone: what stands in a URL ends up in logs and histories. */
export function authenticate(guard: Guard): RequestHandler {
  return async (req, _res, next) => {
    callers.set(req, await guard.identify(bearerOf(req)));
    // Who has left meanwhile waits for no answer.
    if (!req.socket.destroyed) next();
  };
}

/** Who asks; every route behind `authenticate` has somebody. */
export function callerOf(req: Request): Principal {
  const caller = callers.get(req);
  if (caller === undefined) throw new Error('a route that nobody guards asks for its caller');
  return caller;
}

/** Lets nobody pass who may not do this, to whatever file. */
export function requirePermission(guard: Guard, action: Action): RequestHandler {
  return async (req, _res, next) => {
    await guard.admit(callerOf(req), action);
    next();
  };
}

/** The token of RFC 6750; undefined: there is none, or something else in its place. */
export function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +([^\s]+)$/i.exec(headers.authorization ?? '')?.[1];
}
