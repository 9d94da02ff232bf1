import { setTimeout as pause } from 'node:timers/promises';

/** What the gateway cannot work without, by name: each fulfilled while it answers. */
export type Checks = Readonly<Record<string, () => Promise<void>>>;

/** An orchestrator does not wait for long either. */
const PATIENCE_MS = 800;

/** Answers with the names of the checks that fail or are silent. However many ask at once, they are made once. */
export function watch(checks: Checks): () => Promise<readonly string[]> {
  let asking: Promise<readonly string[]> | undefined;
  return () => {
    asking ??= failing(checks).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

async function failing(checks: Checks): Promise<readonly string[]> {
  const late = new AbortController();
  const names = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const answered = check().then(
        () => true,
        () => false,
      );
      const isThere = await Promise.race([answered, silence(late.signal)]);
      return isThere ? [] : [name];
    }),
  );
  late.abort();
  return names.flat();
}

const silence = (over: AbortSignal): Promise<false> =>
  pause(PATIENCE_MS, false as const, { signal: over }).catch(() => false as const);
