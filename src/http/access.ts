/** Authenticates the caller of a request, and refuses callers without the permission for a group of routes. */
import type { IncomingMessage } from 'node:http';
import type { Action } from '../auth/access-rules.js';
import type { Guard } from '../auth/guard.js';
import type { Principal } from '../auth/principal.js';
import { clock } from '../clock.js';
import type { Step } from './chain.js';

const callers = new WeakMap<IncomingMessage, Principal>();
const arrivals = new WeakMap<IncomingMessage, number>();

/** Reads the token from the `Authorization` header alone: a URL ends up in logs and browser histories. */
export function authenticate(guard: Guard): Step {
  return async (req, _res, next) => {
    arrivals.set(req, clock.now());
    callers.set(req, await guard.authenticate(bearerOf(req)));
    // A caller who disconnected meanwhile needs no answer.
    if (!req.socket.destroyed) next();
  };
}

export function callerOf(req: IncomingMessage): Principal {
  const caller = callers.get(req);
  if (caller === undefined) throw new Error('the route is not behind authenticate()');
  return caller;
}

/** When a request came that `authenticate` has handled, in milliseconds since 1970. */
export const arrivalOf = (req: IncomingMessage): number => arrivals.get(req) ?? clock.now();

/** Refuses callers who may not do this to any file. */
export function requirePermission(guard: Guard, action: Action): Step {
  return async (req, _res, next) => {
    await guard.authorize(callerOf(req), action);
    next();
  };
}

/**
 * The bearer token (RFC 6750); undefined where the header is missing, there twice, or of another form. Of two headers a proxy
 * might have checked the other one.
 */
export function bearerOf({ headersDistinct }: IncomingMessage): string | undefined {
  const [header = '', ...others] = headersDistinct.authorization ?? [];
  return others.length > 0 ? undefined : /^Bearer +([^\s]+)$/i.exec(header)?.[1];
}
