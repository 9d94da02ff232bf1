import { settledWithin } from './within.js';

/** What the gateway cannot work without, by name: each fulfilled while it answers. */
export type HealthChecks = Readonly<Record<string, () => Promise<void>>>;

/** An orchestrator does not wait for long either. */
const PATIENCE_MS = 800;

/** Answers with the names of the checks that fail or are silent. However many ask at once, they are made once. */
export function watchHealth(checks: HealthChecks): () => Promise<readonly string[]> {
  let asking: Promise<readonly string[]> | undefined;
  return () => {
    asking ??= failing(checks).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

async function failing(checks: HealthChecks): Promise<readonly string[]> {
  const names = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      let isThere = false;
      const answered = check().then(() => {
        isThere = true;
      });
      await settledWithin(PATIENCE_MS, answered);
      return isThere ? [] : [name];
    }),
  );
  return names.flat();
}
