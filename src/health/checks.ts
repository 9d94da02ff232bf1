/** Checks whether the servers that a gateway depends on answer, for `/readyz`. */

import { settledWithin } from '../waiting.js';

/** By the name of the server: fulfilled if it answers. */
export type HealthChecks = Readonly<Record<string, () => Promise<void>>>;

/** Less than the usual timeout of an orchestrator's probe. */
const TIMEOUT_MS = 800;

/** Returns a function that names the checks which fail or time out. Calls at the same time share one round of checks. */
export function watchHealth(checks: HealthChecks): () => Promise<readonly string[]> {
  let checking: Promise<readonly string[]> | undefined;
  return () => {
    checking ??= failing(checks).finally(() => {
      checking = undefined;
    });
    return checking;
  };
}

async function failing(checks: HealthChecks): Promise<readonly string[]> {
  const names = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      let isPassed = false;
      const passed = check().then(() => {
        isPassed = true;
      });
      await settledWithin(TIMEOUT_MS, passed);
      return isPassed ? [] : [name];
    }),
  );
  return names.flat();
}
