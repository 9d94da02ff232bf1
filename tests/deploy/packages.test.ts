import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { isThorough } from '../support/effort.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly integrity?: string;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, Locked>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');

describe('package-lock.json', () => {
  test('has the hash of every package', () => {
    expect(locked.length).toBeGreaterThan(100);
    const loose = locked.filter(([, { integrity = '' }]) => !integrity.startsWith('sha512-'));
    expect(loose.map(([path]) => path)).toEqual([]);
  });

  // `npm ci` in the Dockerfile installs what is named here and nothing else.
  test.each(['linux-x64-gnu', 'linux-arm64-gnu'])('names the native library of %s', (platform) => {
    expect(Object.keys(packages)).toContain(`node_modules/@libsql/${platform}`);
  });
});

async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output };
}

/** A registry that knows nothing but advisories; null: it refuses to answer. */
async function registry(advisories: object | null): Promise<string> {
  const server = createServer((req, res) => {
    req.resume().on('end', () => {
      res.statusCode = advisories === null || req.method !== 'POST' ? 405 : 200;
      res.setHeader('content-type', 'application/json').end(JSON.stringify(advisories ?? {}));
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTeardown(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const AGAINST_WS = {
  ws: [
    {
      id: 1,
      url: 'https://github.com/advisories/GHSA-test',
      title: 'a test',
      severity: 'high',
      vulnerable_versions: '>=1.0.0',
      cvss: { score: 8, vectorString: null },
      cwe: [],
    },
  ],
};

// npm takes seconds to start: only where everything is tried.
const describeThoroughly = isThorough ? describe : describe.skip;

describeThoroughly('npm run advisories', () => {
  const folder = () => {
    const cwd = temporaryDirectory();
    for (const name of ['package.json', 'package-lock.json']) cpSync(name, join(cwd, name));
    return cwd;
  };
  const check = async (cwd: string, advisories: object | null, ...args: string[]) =>
    run(process.execPath, [resolve('scripts/advisories.js'), ...args], {
      cwd,
      env: { ...process.env, npm_config_registry: await registry(advisories) },
    });

  test('fails on severe ones, and on nothing else', async () => {
    const cwd = folder();
    expect(await check(cwd, {})).toMatchObject({ code: 0, stdout: expect.stringContaining('0 packages') });
    const found = await check(cwd, AGAINST_WS, '--save');
    expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/high: ws .*\n +a test https:/) });
    // Without the registry the kept answer counts.
    expect(await check(cwd, null)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/advisories\.json of .* says/),
    });
  });

  test('says so where it could not look', async () => {
    const cwd = folder();
    const said = { stderr: expect.stringContaining('NOT CHECKED') };
    expect(await check(cwd, null)).toMatchObject({ code: 0, ...said });
    expect(await check(cwd, null, '--strict')).toMatchObject({ code: 75, ...said });
    writeFileSync(join(cwd, 'advisories.json'), '{"packages":"of others","findings":[]}');
    expect(await check(cwd, null)).toMatchObject({ code: 0, ...said });
  });
});

describeThoroughly('npm run sbom', () => {
  test('names every package that runs in production, with its hash', async () => {
    const { code, stdout } = await run('npm', ['run', '--silent', 'sbom']);
    expect(code).toBe(0);
    const { components } = JSON.parse(stdout) as {
      components: { name: string; version: string; purl: string; hashes?: unknown[] }[];
    };
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const needed = locked
      .filter(([, { dev, optional }]) => dev !== true && optional !== true)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
    expect(needed.filter((name) => !listed.has(name))).toEqual([]);
    expect(components.some(({ name }) => name === 'jest')).toBe(false);
    expect(components.filter(({ hashes = [] }) => hashes.length === 0)).toEqual([]);
  });
});
