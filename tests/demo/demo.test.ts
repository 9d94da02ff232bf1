import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, jest, test } from '@jest/globals';
import { readSettings } from '../../demo/cli/settings.js';
import { Demo } from '../../demo/demo.js';
import { DEMO_SETTINGS } from '../../demo/settings.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { retry, Signal } from '../support/wait.js';

const PROGRAM = fileURLToPath(new URL('../../demo/main.js', import.meta.url));
const VALIDATOR = fileURLToPath(new URL('../../demo/validator/main.js', import.meta.url));

/** A program of the demo in a process of its own, killed after the test. */
class Program {
  output = '';
  readonly #child: ChildProcess;
  readonly #signal = new Signal();
  readonly #closed: Promise<unknown[]>;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const options = { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] as const };
    const child = spawn(process.execPath, [program, ...args], { ...options, stdio: [...options.stdio] });
    this.#child = child;
    this.#closed = once(child, 'close');
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#signal.changed();
      });
    }
    onTeardown(async () => {
      this.#child.kill('SIGKILL');
      await this.#closed;
    });
  }

  /** Fulfilled when the output matches. @returns the first group */
  async says(pattern: RegExp): Promise<string> {
    await this.#signal.until(
      () => pattern.test(this.output),
      () => this.output,
      20_000,
    );
    return pattern.exec(this.output)?.[1] ?? '';
  }

  async exitCode(): Promise<unknown> {
    const [code] = await this.#closed;
    return code;
  }

  end(signal: NodeJS.Signals): Promise<unknown> {
    this.#child.kill(signal);
    return this.exitCode();
  }
}

const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const dataDir = temporaryDirectory();
  return { dataDir, demo: new Program(PROGRAM, args, { PORT: '0', DATA_DIR: dataDir, ...env }) };
};

/** The lines of the gateway's log. */
const logIn = (dataDir: string) =>
  readFileSync(join(dataDir, 'gateway.log'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { msg: string; pid?: number });

const isGone = async (url: string) => {
  const answer = await fetch(`${url}/livez`).catch(() => null);
  if (answer !== null) throw new Error(`there is still a server on ${url}`);
};

test('two files are validated, and the demo stops in an orderly way', async () => {
  const { demo, dataDir } = start([
    '--rate',
    '0',
    '--addresses',
    '1200',
    '--hole',
    '0.2',
    '--restart',
    '0.2',
  ]);
  const url = await demo.says(/Dashboard\s+(http:\S+)\//);
  await demo.says(/Both lists are done/);
  expect(demo.output).toMatch(/demo: completed, 1,\d{3} addresses processed/);
  const list = (await (await fetch(`${url}/api/files`)).json()) as {
    items: { fileId: string; status: string; progress: { total: number; percentage: number } }[];
  };
  const seen = list.items.map(({ fileId, status, progress }) => [
    fileId,
    status,
    progress.total,
    progress.percentage,
  ]);
  expect(seen.sort()).toEqual([
    ['demo', 'completed', 1200, 100],
    ['demo-short', 'completed', 150, 100],
  ]);
  expect(await demo.end('SIGTERM')).toBe(0);
  expect(logIn(dataDir).at(-1)?.msg).toBe('stopped');
  await isGone(url);
});

test('Ctrl-C while a file runs stops the demo in an orderly way', async () => {
  const { demo, dataDir } = start(['--rate', '200', '--addresses', '3000', '--verbose']);
  const url = await demo.says(/Dashboard\s+(http:\S+)\//);
  await demo.says(/demo: 3,000 addresses submitted/);
  expect(await demo.end('SIGINT')).toBe(0);
  expect(demo.output).toContain('"msg":"listening"');
  expect(logIn(dataDir).at(-1)?.msg).toBe('stopped');
  expect(demo.output).not.toContain('updates have to wait');
  await isGone(url);
});

test('a demo that is started again begins its files anew', async () => {
  const { demo: first, dataDir } = start(['--addresses', '2000']);
  await first.says(/demo: 2,000 addresses submitted/);
  await first.end('SIGINT');
  const { demo } = start(['--addresses', '20', '--rate', '0', '--data-dir', dataDir]);
  await demo.says(/demo: completed, (20|1\d) addresses processed/);
  expect(await demo.end('SIGINT')).toBe(0);
});

test('the gateway does not outlive a demo that is killed', async () => {
  const { demo, dataDir } = start(['--rate', '50']);
  const url = await demo.says(/Dashboard\s+(http:\S+)\//);
  await demo.says(/addresses submitted/);
  await demo.end('SIGKILL');
  await retry(() => isGone(url));
  expect(dataDir).not.toBe('');
});

test('a crash of the gateway ends the demo and shows the last lines of the log', async () => {
  const written = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  onTeardown(() => jest.restoreAllMocks());
  const values = readSettings(DEMO_SETTINGS, ['--rate', '50'], { PORT: '0', DATA_DIR: temporaryDirectory() });
  if (values === null) throw new Error('no values');
  const demo = new Demo(values);
  const ending = demo.run(new AbortController().signal);
  await retry(async () => expect(written.mock.calls.join()).toContain('addresses submitted'));
  demo.kill();
  await expect(ending).rejects.toThrow(/the gateway ended by SIGKILL.*\n.*"msg":"listening"/s);
  await expect(ending).rejects.toMatchObject({ exitCode: 1 });
});

test('a port that is taken is reported', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTeardown(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = String(typeof address === 'object' ? address?.port : '');
  const { demo } = start([], { PORT: port });
  expect(await demo.exitCode()).not.toBe(0);
  expect(demo.output).toBe(
    `demo: port ${port} is taken. Choose another, PORT=8080 npm run demo, or any free one with PORT=0\n`,
  );
});

test('a wrong option is reported, and help is shown', async () => {
  const wrong = new Program(PROGRAM, ['--rate', 'fast']);
  expect([await wrong.exitCode(), wrong.output]).toEqual([
    64,
    expect.stringContaining('demo: --rate: must be'),
  ]);
  const help = new Program(PROGRAM, ['--help']);
  expect([await help.exitCode(), help.output]).toEqual([0, expect.stringContaining('--addresses <n>')]);
});

test('the validator runs on its own', async () => {
  const validator = new Program(VALIDATOR, ['--port', '0', '--key', 'k', '--gateway', 'http://127.0.0.1:9']);
  const url = await validator.says(/listening on (\S+),/);
  expect(url).toMatch(/\/api\/v1$/);
  const answer = await fetch(`${url}/validate-batch`, { method: 'POST', body: '{}' });
  expect([answer.status, await answer.json()]).toEqual([401, { detail: 'Missing API key' }]);
  expect(await validator.end('SIGINT')).toBe(0);
});
