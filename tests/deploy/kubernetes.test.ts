import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readConfig, variables } from '../../src/config.js';

const FOLDER = 'deploy/kubernetes';
const require = createRequire(import.meta.url);
const { safeLoad } = require('js-yaml') as { safeLoad(text: string): Manifest };

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: its form is what the schema says
  readonly spec: any;
}

const manifests = readdirSync(FOLDER).map((name) => safeLoad(readFileSync(join(FOLDER, name), 'utf8')));
const specOf = (kind: string) => manifests.find((one) => one.kind === kind)?.spec;

/** Checks a manifest against the schema that Kubernetes publishes for its kind. @throws where it does not fit */
async function validate(manifest: Manifest): Promise<void> {
  const { apiVersion, kind } = manifest;
  const models = (await import(`kubernetes-models/${apiVersion}/${kind}`)) as Record<
    string,
    new (
      manifest: Manifest,
    ) => { validate(): void }
  >;
  const Model = models[kind];
  if (Model === undefined) throw new Error(`${apiVersion} has no ${kind}`);
  new Model(manifest).validate();
}

describe('the Kubernetes manifests', () => {
  test.each(manifests.map((manifest) => [manifest.kind, manifest] as const))(
    '%s is valid',
    async (_, manifest) => {
      await validate(manifest);
      // The check can fail.
      const wrong = { ...manifest.spec, selector: 5, metrics: 5, podSelector: 5 };
      await expect(validate({ ...manifest, spec: wrong })).rejects.toThrow(/must be/);
    },
  );

  test('belong together', () => {
    const { template, selector } = specOf('Deployment');
    const { labels } = template.metadata;
    const selectors = [
      selector.matchLabels,
      specOf('Service').selector,
      specOf('PodDisruptionBudget').selector.matchLabels,
      specOf('NetworkPolicy').podSelector.matchLabels,
    ];
    for (const selected of selectors) expect(labels).toMatchObject(selected);
    const [container] = template.spec.containers;
    expect(container.ports[0].name).toBe(specOf('Service').ports[0].targetPort);
    expect(specOf('HorizontalPodAutoscaler').scaleTargetRef.name).toBe('verigate');
    expect(specOf('Service').sessionAffinity).toBe('ClientIP');
  });

  test('start a gateway: its variables are ours, and fit', () => {
    const [container] = specOf('Deployment').template.spec.containers;
    const env = Object.fromEntries(
      container.env.map((one: { name: string; value: string }) => [one.name, one.value]),
    );
    expect(Object.keys(env).filter((name) => !(name in variables))).toEqual([]);
    expect(readConfig({ ...env, JWT_SECRET: 'x'.repeat(32) })).toMatchObject({
      PORT: container.ports[0].containerPort,
    });
  });

  test('let it drain, and restart it for nothing but a hang', () => {
    const { terminationGracePeriodSeconds, containers } = specOf('Deployment').template.spec;
    const [{ lifecycle, livenessProbe, readinessProbe, startupProbe }] = containers;
    const drainMs = readConfig({}).SHUTDOWN_TIMEOUT_MS + lifecycle.preStop.sleep.seconds * 1_000;
    expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(drainMs);
    expect([livenessProbe, startupProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/livez',
      '/livez',
      '/readyz',
    ]);
  });
});
