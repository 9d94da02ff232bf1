/** Signals as they arrive where the gateway really runs: under npm, in a terminal, as the first process of a container. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { describeWhere } from '../support/describe-where.js';
import { effort } from '../support/effort.js';
import { beginUpload, nextOf } from '../support/process.js';
import { message } from '../support/producer.js';
import { ROOT } from '../support/program.js';
import { plainResults } from '../support/results.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';
import { Signal } from '../support/wait.js';

/** A command in a process group of its own, with what it and its descendants print. */
class Command {
  output = '';
  readonly child: ChildProcess;
  /** Fulfilled once no process holds the output any more, so an orphan is waited for too. */
  readonly closed: Promise<unknown[]>;
  readonly #signal = new Signal();

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: temporaryDirectory(), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.closed = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#signal.changed();
      });
    }
    onTeardown(() => {
      try {
        process.kill(-this.pid, 'SIGKILL');
      } catch {
        // All of them have ended, as they should.
      }
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async says(pattern: RegExp, withinMs = 30_000): Promise<string> {
    await this.#signal.until(
      () => pattern.test(this.output),
      () => this.output,
      withinMs,
    );
    return pattern.exec(this.output)?.[1] ?? '';
  }

  listening(): Promise<string> {
    return this.says(/"url":"(http:[^"]+)".*"listening"/);
  }
}

const UPDATE = JSON.stringify(message('b', plainResults('b', 1), { fileId: 'f', total: 2 }));

/** Sends the signal while an update is under way: the update is answered and the gateway stops in an orderly way. */
async function expectDrained(gateway: Command, url: string, send: () => void): Promise<void> {
  const upload = await beginUpload(url, UPDATE.length);
  send();
  await gateway.says(/"msg":"stopping"/);
  upload.write(UPDATE);
  expect(await nextOf(upload)).toMatch(/^HTTP\/1\.1 202 /);
  await gateway.closed;
  expect(gateway.output).toContain('"msg":"stopped"');
  await expect(fetch(`${url}/livez`)).rejects.toThrow();
}

test('npm start: a signal to the process group drains, though npm sends it once more', async () => {
  const gateway = new Command('npm', ['start']);
  const url = await gateway.listening();
  await expectDrained(gateway, url, () => process.kill(-gateway.pid, 'SIGTERM'));
});

test('npm start: a signal to npm alone ends the gateway too', async () => {
  const gateway = new Command('npm', ['start']);
  const url = await gateway.listening();
  await expectDrained(gateway, url, () => gateway.child.kill('SIGTERM'));
});

const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

describeWhere(canUnshare, 'new process namespaces are not allowed here', 'in a container', () => {
  test('the gateway as process 1 obeys the signal of `docker stop`', async () => {
    const args = ['--pid', '--fork', '--kill-child', process.execPath, 'dist/src/main.js'];
    const gateway = new Command('unshare', args);
    const url = await gateway.listening();
    const [pid] = spawnSync('pgrep', ['-P', String(gateway.pid)], { encoding: 'utf8' }).stdout.split('\n');
    await expectDrained(gateway, url, () => process.kill(Number(pid), 'SIGTERM'));
    expect((await gateway.closed)[0]).toBe(0);
  });
});

const hasTerminal = spawnSync('script', ['--version']).status === 0;

describeWhere(hasTerminal, 'there is no `script`', 'in a terminal', () => {
  /** The ordinary run leaves npm and its build out: it takes the command that comes after them. */
  const command = effort('exec node dist/demo/main.js', 'npm run demo');

  test('Ctrl-C ends the demo in an orderly way', async () => {
    const env = { TERM: 'dumb', SHELL: '/bin/sh' };
    const demo = new Command('script', ['--quiet', '--return', '--command', command, '/dev/null'], env);
    const url = await demo.says(/Dashboard\s+(http:\S+)\//, 120_000);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    demo.child.stdin?.write('\u0003');
    await demo.closed;
    expect(demo.output).toContain('Stopping.');
    expect(demo.output).not.toContain('orderly');
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  }, 180_000);
});
