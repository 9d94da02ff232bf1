import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { variables } from '../../src/config.js';
import { lastStage, readDockerfile } from './files.js';

const instructions = readDockerfile();
const image = lastStage(instructions);
const all = (name: string, from = instructions) =>
  from.filter((one) => one.name === name).map(({ rest }) => rest);

test('is built in stages, all on one pinned base with glibc', () => {
  const bases = all('FROM').map((rest) => rest.split(' ')[0]);
  expect(bases.length).toBeGreaterThan(1);
  expect(new Set(bases).size).toBe(1);
  expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/);
});

test('contains no build tools', () => {
  expect(all('RUN', image).filter((command) => command.includes('npm'))).toEqual([]);
  expect(all('COPY', image)).toContain('--from=packages /app/node_modules node_modules');
  expect(all('RUN')).toContain('npm ci --omit=dev --no-audit --no-fund');
});

test('runs as an unprivileged user, and is stopped by the signal that the gateway handles', () => {
  expect(all('USER', image)).toEqual(['node']);
  expect(all('STOPSIGNAL', image)).toEqual(['SIGTERM']);
  // Without a shell in between, which would not forward the signal.
  expect(all('CMD', image).at(-1)).toBe('["node", "--max-semi-space-size=4", "dist/src/main.js"]');
});

test('checks that the gateway is alive', () => {
  const [check = ''] = all('HEALTHCHECK', image);
  const command = JSON.parse(check.slice(check.indexOf('['))) as string[];
  expect(command.slice(0, 2)).toEqual(['node', '-e']);
  expect(command[2]).toContain('/livez');
});

/** Read by libraries and by glibc. */
const OTHERS = ['NODE_ENV', 'MALLOC_MMAP_THRESHOLD_'];

test('sets nothing that is not read, and no secret', () => {
  const set = all('ENV', image)
    .flatMap((line) => line.split(/\s+/))
    .map((pair) => pair.split('=')[0] ?? '');
  expect(set.filter((name) => !OTHERS.includes(name) && !(name in variables))).toEqual([]);
  expect(set.filter((name) => /KEY|SECRET|PASSWORD|TOKEN|AUTH|URI|URL/.test(name))).toEqual([]);
  expect(all('ARG')).toEqual([]);
});

test('copies only the named files', () => {
  const lines = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(lines[0]).toBe('*');
  const named = lines.slice(1).map((line) => line.replace(/^!/, ''));
  expect(lines.slice(1).every((line) => line.startsWith('!'))).toBe(true);
  const copied = all('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .flatMap((rest) => rest.split(' ').slice(0, -1));
  expect(new Set(named)).toEqual(new Set(copied));
});
