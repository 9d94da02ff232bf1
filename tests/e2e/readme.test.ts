import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { onTeardown } from '../support/teardown.js';
import { Signal } from '../support/wait.js';

/** Tests run from dist/tests/e2e. */
const DIST = fileURLToPath(new URL('../../', import.meta.url));

function example(): string {
  const readme = readFileSync(join(DIST, '../README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const found = blocks.filter((code) => code.includes("'socket.io-client'"));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

test('the ten lines of the README show a file while it is processed', async () => {
  const { url } = await startTestGateway();
  // Next to node_modules, so that it finds the packages as in a reader's project.
  const directory = mkdtempSync(join(DIST, 'readme-'));
  onTeardown(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'watch.mjs'), example());
  const child = spawn(process.execPath, [join(directory, 'watch.mjs'), 'a file'], {
    env: { PATH: process.env.PATH, VERIGATE_URL: url },
  });
  onTeardown(() => child.kill('SIGKILL'));
  const output = { out: '', err: '' };
  const signal = new Signal();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.out += text;
    signal.changed();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.err += text;
    signal.changed();
  });
  const until = (text: string) =>
    signal.until(
      () => output.out.includes(text),
      () => `${text} is not in ${output.out} ${output.err}`,
      20_000,
    );

  // It subscribes before the file exists.
  await until("status: 'pending'");
  const producer = new Producer(url);
  await producer.update(message('b', plainResults('jane', 4), { upTo: 2, fileId: 'a file' }));
  await until('processing 50 %');
  await until('jane-0@example.com');
  await producer.update(message('b', plainResults('jane', 4), { isComplete: true }));
  await until('jane-3@example.com');
  await until('completed 100 %');
  expect(output.err).toBe('');
});
