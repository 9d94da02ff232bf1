/** Runs steps one after the other, as Express runs its middleware, for requests that need no router. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** Middleware that uses nothing of Express, so that both can run it. What it throws, or rejects with, ends the chain. */
export type Step = (req: IncomingMessage, res: ServerResponse, next: () => void) => unknown;

export function chain(
  steps: readonly Step[],
  failed: (error: unknown, res: ServerResponse) => void,
): RequestListener {
  return (req, res) => {
    const fail = (error: unknown) => {
      try {
        failed(error, res);
      } catch {
        // The caller learns at least that there is no answer; the process goes on.
        res.destroy();
      }
    };
    const run = (at: number): void => {
      try {
        const running = steps[at]?.(req, res, () => run(at + 1));
        if (running instanceof Promise) running.catch(fail);
      } catch (error) {
        fail(error);
      }
    };
    run(0);
  };
}
