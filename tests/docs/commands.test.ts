/**
 * Every command that the documents show is run: those of docs/api.md and docs/updates.md here, as they are written; the
 * others by the tests that are named below.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { Producer } from '../support/producer.js';
import { ROOT, runProgram } from '../support/program.js';
import { describeWithOwnRedis } from '../support/redis-server.js';
import { retry } from '../support/wait.js';
import { accepting, standIn } from '../validator/stand-in.js';

/** What runs a command that is not run here, or why nothing does. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^npm install && npm run demo$/, 'tests/demo/demo.test.ts'],
  // This is what runs.
  [/^npm install && npm test$/, 'tests/docs/commands.test.ts'],
  [/^npx verigate (submit|watch|export) /, 'tests/cli/cli.test.ts'],
  [/^docker compose /, 'tests/deploy/compose.test.ts'],
  [/^printf 'AUTH=none/, 'tests/deploy/compose.test.ts'],
  [/^npm install \.\/verigate-client-/, 'tests/client/package.test.ts'],
  [/^npm run (advisories|--silent sbom)$/, 'tests/deploy/packages.test.ts'],
];

interface Command {
  readonly page: string;
  readonly line: string;
}

function commandsIn(page: string): Command[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks
    .flatMap((block) => block.split('\n'))
    .map((line) => line.replace(/\s+#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => ({ page, line }));
}

const PAGES = [
  'README.md',
  'src/client/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const commands = PAGES.flatMap(commandsIn);
const HERE = [/^api=/, /^curl /, /^redis-cli /, /^sqlite3 /, /^npm run build && JWT_SECRET=/];

test('every command of the documents is run by a test', () => {
  expect(commands.length).toBeGreaterThan(25);
  for (const { page, line } of commands) {
    const elsewhere = ELSEWHERE.find(([pattern]) => pattern.test(line))?.[1];
    const isHere = HERE.some((pattern) => pattern.test(line));
    expect([page, line, isHere || (elsewhere !== undefined && existsSync(join(ROOT, elsewhere)))]).toEqual([
      page,
      line,
      true,
    ]);
  }
});

/** As a reader's shell runs it, with the ids of the page replaced. */
const inShell = (line: string, cwd: string) =>
  runProgram('bash', ['-c', `cd '${cwd}' && curl() { command curl -sS --fail-with-body "$@"; } && ${line}`], {
    HOME: cwd,
  });

async function upload(url: string, list: string): Promise<string> {
  const answer = await fetch(`${url}/api/lists?name=customers.csv`, { method: 'POST', body: list });
  return ((await answer.json()) as { listId: string }).listId;
}

/** A file of a list. Each command has its own: one deletes it. @returns the id of its batch, which has not ended */
async function seed(url: string, fileId: string, list: string): Promise<string> {
  const producer = new Producer(url);
  const listId = await upload(url, list);
  const { status } = await producer.call('POST', `/api/files/${fileId}/validations`, { listId });
  expect(status).toBe(202);
  // A list is submitted in slices, after the answer.
  return retry(async () => {
    const { body } = await producer.get(`/api/files/${fileId}/batches`);
    const [batch] = body.items as { batchId: string }[];
    expect(batch).toBeDefined();
    return batch?.batchId ?? '';
  });
}

test('the commands of docs/api.md are answered', async () => {
  let requests = 0;
  const validator = await standIn(accepting(() => `r-${++requests}`));
  const { url } = await startTestGateway({
    VALIDATOR_URL: validator.url,
    MAX_UPLOADS: '100',
    MAX_UPLOADS_PER_CALLER: '100',
  });
  const folder = temporaryDirectory();
  writeFileSync(join(folder, 'customers.csv'), 'name;e-mail\nJane;jane@example.com\nLee;lee@example.org\n');
  const list = readFileSync(join(folder, 'customers.csv'), 'utf8');
  const [setup, ...others] = commandsIn('docs/api.md').map(({ line }) => line);
  expect(setup).toBe('api=http://127.0.0.1:3000/api');
  const curls = others.filter((line) => line.startsWith('curl '));
  expect(curls).toEqual(others);
  await Promise.all(
    curls.map(async (line, index) => {
      const fileId = `f${index}`;
      const makesTheFile = /validations|batches -d/.test(line);
      const batchId = makesTheFile ? '' : await seed(url, fileId, list);
      const own = line
        .replaceAll('files/f1', `files/${fileId}`)
        .replaceAll('5d0c…', line.includes('5d0c…') ? await upload(url, list) : '')
        .replaceAll('batches/b2', `batches/${batchId}`)
        .replaceAll(/"(b[12])"/g, `"$1-${index}"`)
        .replaceAll('…', '');
      const { code, out, err } = await inShell(`api=${url}/api && ${own}`, folder);
      // There are no dead letters without Redis: these two are told so.
      const isMissing = line.includes('dead-letters/');
      expect([line, code, isMissing ? '' : err]).toEqual([line, isMissing ? 22 : 0, '']);
      if (isMissing) expect(out).toContain('there is no such dead letter');
    }),
  );
});

test('the token of docs/security.md is one', async () => {
  const line = commandsIn('docs/security.md').find(({ line }) => line.includes('npm run token'))?.line ?? '';
  const [, options = ''] = /^npm run build && JWT_SECRET=… npm run token -- (.*)$/.exec(line) ?? [];
  const args = [...options.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const { code, out } = await runProgram(process.execPath, ['dist/src/token.js', ...args], {
    JWT_SECRET: 'a secret of at least thirty-two bytes',
  });
  expect(code).toBe(0);
  expect(JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
    sub: 'jane',
    files: ['a', 'b'],
    scope: 'read ingest',
  });
});

const sqlite = spawnSync('sqlite3', ['--version']).status === 0;
if (!sqlite) process.stderr.write('SKIPPED: the backup of docs/operations.md: there is no sqlite3\n');
(sqlite ? test : test.skip)('the backup of docs/operations.md has what is stored', async () => {
  const folder = temporaryDirectory();
  const { url } = await startTestGateway({ DATA_DIR: join(folder, 'data') });
  const producer = new Producer(url);
  await producer.register('f', { batches: [{ batchId: 'b' }] });
  // Among what the gateway overwrites it reads the file of the database by itself.
  expect((await producer.call('DELETE', '/api/files/f')).status).toBe(204);
  await producer.register('g', { batches: [{ batchId: 'c' }] });
  const line =
    commandsIn('docs/operations.md').find((command) => command.line.startsWith('sqlite3'))?.line ?? '';
  const { code, err } = await inShell(line.replace('/backup', folder), folder);
  expect([code, err]).toEqual([0, '']);
  const found = spawnSync('sqlite3', [join(folder, 'verigate.db'), 'PRAGMA integrity_check'], {
    encoding: 'utf8',
  });
  expect(found.stdout).toBe('ok\n');
  // It has left the gateway its log.
  expect((await producer.call('DELETE', '/api/files/g')).status).toBe(204);
});

describeWithOwnRedis('the commands for Redis', (start) => {
  test('are taken, and their messages are updates', async () => {
    const server = await start();
    const folder = temporaryDirectory();
    const { url } = await startTestGateway();
    for (const { line } of commands.filter(({ line }) => line.startsWith('redis-cli '))) {
      const { port } = new URL(server.url);
      const own = `redis-cli() { command redis-cli -p ${port} "$@"; } && ${line.replace('redis-cli unlink', `redis-cli -p ${port} unlink`)}`;
      const { code, out, err } = await inShell(own, folder);
      expect([line, code, err, out.includes('ERR')]).toEqual([line, 0, '', false]);
      const [, message] = /'(\{.*\})'$/.exec(line) ?? [];
      if (message !== undefined)
        expect((await new Producer(url).call('POST', '/api/updates', message)).status).toBe(202);
    }
  });
});
