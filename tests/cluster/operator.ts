/** A gateway as its operator sees it: `/readyz`, the log and one metric. */
import { expect } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { startGateway } from '../../src/gateway.js';
import { createLogger } from '../../src/logger.js';
import { untilReadiness } from '../support/checks.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly dependency?: string;
  readonly reason?: string;
  readonly code?: string;
  readonly hint?: string;
}

export interface Said {
  readonly dependency: 'database' | 'redis';
  readonly reason: string;
  readonly codes: readonly string[];
  readonly named: string;
  readonly hint?: RegExp | undefined;
}

/** An operator is to know within this time. */
const SEEN_WITHIN_MS = 10_000;

/** A gateway in this process, and what it logs. */
export async function startWatched(env: NodeJS.ProcessEnv) {
  const lines: Line[] = [];
  const logger = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line)) });
  const config = readConfig({ PORT: '0', PROBE_INTERVAL_MS: '100', ...env });
  const gateway = await startGateway(config, logger);
  onTeardown(() => gateway.close());
  const about = (message: string) => lines.filter(({ msg }) => msg === message);
  return { url: gateway.url, lines, about };
}

export type Watched = Awaited<ReturnType<typeof startWatched>>;

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

/** What `/readyz`, the log and the metric say of one refusal, from its beginning to its end. */
export async function expectSeen(
  { url, about, lines }: Watched,
  { dependency, reason, codes, named, hint }: Said,
  end: () => Promise<unknown>,
): Promise<void> {
  const title = dependency === 'redis' ? 'Redis' : 'the database';
  const code = expect.stringMatching(new RegExp(`^(${codes.join('|')})$`));
  await retry(async () => {
    const response = await fetch(`${url}/readyz`);
    const body = (await response.json()) as { reasons?: string[]; dependencies?: Record<string, Line> };
    expect([response.status, body.reasons]).toEqual([503, expect.arrayContaining([named])]);
    expect(body.dependencies?.[dependency]).toMatchObject({ reason, code });
    if (hint !== undefined) expect(body.dependencies?.[dependency]?.hint).toMatch(hint);
  }, SEEN_WITHIN_MS);
  expect(await metricsOf(url)).toContain(
    `verigate_dependency_up{dependency="${dependency}",reason="${reason}"} 0`,
  );
  const begun = about(`${title} cannot be used`).filter((line) => codes.includes(line.code ?? ''));
  // Once for each code, however often it is met.
  expect(begun.map((line) => line.code)).toEqual([...new Set(begun.map((line) => line.code))]);
  expect(begun[0]).toMatchObject({ level: 'error', dependency, reason });
  await end();
  await untilReadiness(url);
  await retry(async () => {
    expect(about(`${title} can be used again`).at(-1)).toMatchObject({ level: 'info', dependency });
    expect(await metricsOf(url)).toContain(`verigate_dependency_up{dependency="${dependency}",reason=""} 1`);
  });
  expect(JSON.stringify(lines)).not.toMatch(/hunter2|@example\.com/);
  lines.length = 0;
}
