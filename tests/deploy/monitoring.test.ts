import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import { measureStreams } from '../../src/metrics/gauges.js';
import { createMetrics } from '../../src/metrics.js';
import { startTestGateway } from '../support/gateway.js';

const { safeLoad } = createRequire(import.meta.url)('js-yaml') as { safeLoad(text: string): unknown };

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const RULES = 'deploy/prometheus/alerts.yml';
const rules = safeLoad(readFileSync(RULES, 'utf8')) as { groups: { rules: Alert[] }[] };
const alerts = rules.groups.flatMap((group) => group.rules);
const board = JSON.parse(readFileSync('deploy/grafana/verigate.json', 'utf8')) as {
  panels: { title: string; type: string; targets?: { expr: string }[] }[];
  templating: { list: { query: string | { query: string } }[] };
};
const page = readFileSync('docs/operations.md', 'utf8');

/** The names of all metrics, as both engines together have them. */
async function metricNames(): Promise<Set<string>> {
  const { url } = await startTestGateway();
  const distributed = createMetrics();
  measureStreams(distributed, async () => [{ stream: 's', lag: 0, pending: 0 }]);
  const texts = [await (await fetch(`${url}/metrics`)).text(), await distributed.registry.metrics()];
  return new Set(texts.flatMap((text) => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name)));
}

const namesIn = (expression: string): string[] =>
  [...expression.matchAll(/\b((?:verigate|nodejs|process)_\w+)/g)].map(([, name = '']) =>
    name.replace(/_(bucket|count|sum)$/, ''),
  );

test('every metric of the alerts, of the board and of the operations page exists, and each of ours is explained', async () => {
  const names = await metricNames();
  const variables = board.templating.list.map(({ query }) =>
    typeof query === 'string' ? query : query.query,
  );
  const expressions = [
    ...alerts.map(({ expr }) => expr),
    ...board.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...variables,
  ];
  expect(expressions.length).toBeGreaterThan(40);
  for (const name of expressions.flatMap(namesIn)) expect(names).toContain(name);
  const explained = [...page.matchAll(/^\| `((?:verigate|nodejs|process)_\w+)`/gm)].map(
    ([, name = '']) => name,
  );
  for (const name of explained) expect(names).toContain(name);
  for (const name of names) if (name.startsWith('verigate_')) expect(explained).toContain(name);
});

test('each alert has a section of its own in the operations page, and no section is without an alert', () => {
  const sections = [...page.matchAll(/^#### (Verigate\w+)$/gm)].map(([, name = '']) => name);
  expect(sections).toEqual(alerts.map(({ alert }) => alert));
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    expect(annotations.summary).not.toBe('');
  }
  const bodies = page.split(/^#### /m).slice(1);
  for (const body of bodies) {
    expect(body).toMatch(/\*\*Means\.\*\* \S/);
    expect(body).toMatch(/\*\*Do\.\*\* \S/);
  }
});

test('what an alert fires on is on the board', () => {
  const shown = board.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr)));
  for (const { alert, expr } of alerts)
    for (const name of namesIn(expr)) expect([alert, ...shown]).toContain(name);
});

test('every panel of the board shows something', () => {
  for (const { type, targets } of board.panels)
    if (type !== 'row') expect(targets?.length).toBeGreaterThan(0);
});

const promtool = spawnSync('promtool', ['--version']);
if (promtool.status !== 0)
  process.stderr.write('SKIPPED: the rules are not checked by Prometheus: there is no promtool\n');
(promtool.status === 0 ? test : test.skip)('Prometheus takes the rules and its configuration', () => {
  for (const args of [
    ['check', 'rules', RULES],
    ['check', 'config', '--syntax-only', 'deploy/prometheus/prometheus.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    expect(`${status} ${stdout}${stderr}`).toMatch(/^0 /);
  }
});
