/** The SDK as a stranger gets it: packed, installed in an empty folder, compiled, bundled, and run against a gateway. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { describeInBrowser } from '../support/browser.js';
import { isThorough } from '../support/effort.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { ROOT, runProgram } from '../support/program.js';
import { plainResults } from '../support/results.js';
import { onTeardown } from '../support/teardown.js';

/** What a program of a front-end developer looks like. */
const PROGRAM = `
import { type Collected, collect, type Stats, VerigateError, waitFor } from '@verigate/client';
import { io } from 'socket.io-client';

declare const process: { env: Record<string, string>; stdout: { write(text: string): void } };
const url = process.env.VERIGATE_URL ?? '';
const socket = io(url);
const seen: number[] = [];
const [stats, collected]: [Stats, Collected] = await Promise.all([
  waitFor(socket, 'f', { onStats: ({ progress }) => seen.push(progress.processed) }),
  collect(socket, 'f', { url }),
]);
const refused: unknown = await waitFor(socket, '').catch((error: unknown) => error);
const aborted: unknown = await waitFor(socket, 'never', { signal: AbortSignal.timeout(50) }).catch((error: unknown) => error);
socket.disconnect();
process.stdout.write(JSON.stringify({
  status: stats.status,
  emails: collected.results.map(({ email }) => email),
  refused: refused instanceof VerigateError ? refused.code : String(refused),
  aborted: aborted instanceof Error ? aborted.name : String(aborted),
}));
`;

const PAGE = `
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { useFile } from '@verigate/client/react';

declare const document: { getElementById(id: string): Element };
declare const location: { hash: string };
function Progress({ url }: { url: string }) {
  const { stats, state, results, error } = useFile(url, 'f');
  if (error) return <p>{error.message}</p>;
  return <p id="said">{\`\${stats?.status} \${stats?.progress.percentage} \${state} \${results.length}\`}</p>;
}
createRoot(document.getElementById('root')).render(
  <StrictMode><Progress url={decodeURIComponent(location.hash.slice(1))} /></StrictMode>,
);
`;

const SERVER = `
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { useFile } from '@verigate/client/react';
const Page = () => createElement('p', null, useFile('http://127.0.0.1:9', 'f').state);
process.stdout.write(renderToString(createElement(Page)));
`;

const COMPILER = {
  strict: true,
  skipLibCheck: false,
  target: 'ES2022',
  types: [],
  noEmit: false,
  jsx: 'react-jsx',
};
const PEERS = ['react', 'react-dom', 'socket.io-client', '@types/react', '@types/react-dom'];

let folder: string;
const path = (name: string) => join(folder, name);

/** One result, then a second batch: results come before the listeners, in pages, and as events. */
async function startFile(env: NodeJS.ProcessEnv = {}) {
  const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '5', ...env });
  const producer = new Producer(url);
  await producer.register('f', { batches: [{ batchId: 'b' }, { batchId: 'c' }] });
  await producer.update(message('b', plainResults('b', 700), { isComplete: true }));
  return {
    url,
    finish: () => producer.update(message('c', plainResults('c', 3), { isComplete: true })),
    producer,
  };
}

async function compile(name: string, options: object): Promise<void> {
  const file = path(`tsconfig.${name}.json`);
  writeFileSync(
    file,
    JSON.stringify({ compilerOptions: { ...COMPILER, ...options }, files: ['program.ts', 'page.tsx'] }),
  );
  const { code, out } = await runProgram(process.execPath, [
    'node_modules/typescript/lib/tsc.js',
    '-p',
    file,
  ]);
  expect([name, code, out]).toEqual([name, 0, '']);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'verigate-stranger-'));
  writeFileSync(path('package.json'), '{ "private": true, "type": "module" }');
  const packed = await runProgram(process.execPath, ['scripts/pack-client.js', folder], {
    HOME: folder,
    npm_config_update_notifier: 'false',
  });
  expect([packed.code, packed.err]).toEqual([0, '']);
  const install = [
    'install',
    '--prefix',
    folder,
    '--offline',
    '--legacy-peer-deps',
    '--no-audit',
    packed.out.trim(),
  ];
  const installed = await runProgram('npm', install, { HOME: folder, npm_config_update_notifier: 'false' });
  expect([installed.code, installed.err]).toEqual([0, '']);
  for (const peer of PEERS) {
    mkdirSync(dirname(path(`node_modules/${peer}`)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', peer), path(`node_modules/${peer}`));
  }
  writeFileSync(path('program.ts'), PROGRAM);
  writeFileSync(path('page.tsx'), PAGE);
  writeFileSync(path('server.mjs'), SERVER);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the installed package', () => {
  const resolutions = isThorough ? 'nodenext and bundler' : 'nodenext';
  test(`compiles under strict with ${resolutions}, and gives a Node program every result`, async () => {
    const lib = ['ES2022', 'DOM'];
    if (isThorough)
      await compile('bundler', { module: 'ESNext', moduleResolution: 'bundler', noEmit: true, lib });
    await compile('nodenext', { module: 'NodeNext', moduleResolution: 'NodeNext', lib });
    const { url, finish, producer } = await startFile();
    const running = runProgram(process.execPath, [path('program.js')], { VERIGATE_URL: url });
    await finish();
    const { code, out, err } = await running;
    expect([code, err]).toEqual([0, '']);
    const { emails, ...said } = JSON.parse(out) as { emails: string[] };
    expect(said).toEqual({ status: 'completed', refused: 'invalid_request', aborted: 'TimeoutError' });
    const pages = await Promise.all(
      [1, 2].map((page) => producer.get(`/api/files/f/emails?limit=500&page=${page}`)),
    );
    expect([...emails].sort()).toEqual(
      pages.flatMap(({ body }) => (body.emails as { email: string }[]).map(({ email }) => email)).sort(),
    );
    expect(emails).toHaveLength(703);
  });

  test('renders on a server without connecting', async () => {
    const { code, out, err } = await runProgram(process.execPath, [path('server.mjs')]);
    expect([code, out, err]).toEqual([0, '<p>catching-up</p>', '']);
  });

  test.each(['index', 'react'])('%s is at most 6 kB, compressed, without its peers', async (entry) => {
    const bundled = await build({
      entryPoints: [path(`node_modules/@verigate/client/client/${entry}.js`)],
      bundle: true,
      minify: true,
      format: 'esm',
      external: ['react', 'socket.io-client'],
      write: false,
    });
    expect(gzipSync(bundled.outputFiles[0]?.contents ?? '').length).toBeLessThanOrEqual(6_000);
  });
});

/** Serves the bundled page from an origin of its own, as front-ends do. */
async function servePage(): Promise<string> {
  await build({
    entryPoints: [path('page.tsx')],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    outfile: path('page.js'),
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const script = readFileSync(path('page.js'));
  const html =
    '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>';
  const server = createServer((req, res) => {
    const isScript = req.url === '/page.js';
    res.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html').end(isScript ? script : html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describeInBrowser('the React hook, bundled', (open) => {
  test('shows live progress and every result under StrictMode', async () => {
    const origin = await servePage();
    const { url, finish } = await startFile({ CORS_ORIGINS: origin });
    const { page, complaints } = await open(`${origin}/#${encodeURIComponent(url)}`);
    await page.getByText(/^processing \d+ live 700$/).waitFor();
    await finish();
    await page.getByText('completed 100 live 703').waitFor();
    expect(await complaints()).toEqual([]);
  });
});
