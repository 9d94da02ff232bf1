/** The commands as processes of their own, against a gateway. */

import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Server } from 'socket.io';
import type { Output } from '../../src/cli/output.js';
import { watch } from '../../src/cli/watch.js';
import { COMMAND_LINE } from '../support/bundles.js';
import { isThorough } from '../support/effort.js';
import { onTeardown, spawnGateway, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { ROOT, runProgram, startProgram } from '../support/program.js';
import { plainResults } from '../support/results.js';
import { JWT, SECRET, tokenOf } from '../support/tokens.js';
import { accepting, standIn } from '../validator/stand-in.js';

const CSV = 'E-Mail;Name\na@example.com;Ann\nb@example.com;Bob\n';
/** In a thorough run as it is compiled. */
const CLI = isThorough ? COMMAND_LINE.compiled : COMMAND_LINE.bundle;
const verigate = (url: string, ...args: string[]) =>
  runProgram(process.execPath, [CLI, ...args], { VERIGATE_URL: url });

function list(text = CSV): string {
  const path = join(temporaryDirectory(), 'my customers.csv');
  writeFileSync(path, text);
  return path;
}

/** A gateway whose validator accepts everything as batch `b`. */
async function start() {
  const validator = await standIn(accepting(() => 'b'));
  const { url } = await startTestGateway({
    VALIDATOR_URL: validator.url,
    VALIDATOR_API_KEY: 'k',
    FLUSH_INTERVAL_MS: '5',
  });
  return { url, validator, producer: new Producer(url) };
}

/** Starts a command, and waits for what it prints. */
function running(url: string, args: readonly string[], command = process.execPath) {
  const { child, until, ended } = startProgram(command, args, { VERIGATE_URL: url, TERM: 'xterm' });
  return {
    child,
    until: (text: string) => until(({ out, err }) => `${out}${err}`.includes(text)),
    ended: async () => {
      await until(({ code }) => code !== undefined);
      return ended;
    },
  };
}

test('submits a list with its columns, follows it in plain lines, and gives it back', async () => {
  const { url, validator, producer } = await start();
  const command = running(url, [CLI, 'submit', list(), '--file-id', 'f', '--watch']);
  await command.until('pending, 0 %: 0 of 2');
  expect(JSON.parse(validator.seen[0]?.body ?? '')).toMatchObject({
    emails: ['a@example.com', 'b@example.com'],
  });
  const [first, second] = ['a@example.com', 'b@example.com'].map((email) => ({
    ...plainResults('x', 1)[0],
    email,
  }));
  if (first === undefined || second === undefined) throw new Error('no results');
  await producer.update(message('b', [first] as never, { totalEmails: 2 }));
  await command.until('processing, 50 %: 1 of 2');
  await producer.update(message('b', [first, second] as never, { isComplete: true }));
  const { code, out, err } = await command.ended();
  expect(code).toBe(0);
  expect(out).toMatch(
    /^2 addresses are submitted as f\nf is completed: 0 deliverable, 0 undeliverable, 2 risky, 0 unknown\n$/,
  );
  expect(err).toMatch(/^my customers.csv: 2 rows: 2 different addresses\.\n/);
  expect(err).toContain('verigate export f --layout original');
  expect(err).not.toContain('\u001b');

  const path = join(temporaryDirectory(), 'out.csv');
  const exported = await verigate(url, 'export', 'f', '--layout', 'original', '-o', path);
  expect([exported.code, exported.out, exported.err]).toEqual([0, '', `Written to ${path}.\n`]);
  expect(readFileSync(path, 'utf8')).toMatch(/a@example\.com;Ann;risky/);
  expect(existsSync(`${path}.part`)).toBe(false);
  const ndjson = await verigate(url, 'export', 'f', '--format', 'ndjson', '--email', 'b@');
  expect(JSON.parse(ndjson.out)).toMatchObject({ email: 'b@example.com' });

  // The same id again is refused; the validator is not asked.
  const again = await verigate(url, 'submit', list(), '--file-id', 'f');
  expect(again.code).toBe(1);
  expect(again.err).toContain('--replace');
  expect(validator.seen).toHaveLength(1);
});

test('prints JSON lines for programs, errors too, and exits with 1 when the file failed', async () => {
  const { url, producer } = await start();
  const command = running(url, [CLI, 'submit', list(), '--watch', '--json']);
  await command.until('"type":"stats"');
  await producer.update(message('b', [], { totalEmails: 2, failed: true, isComplete: true }));
  const { code, out } = await command.ended();
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines[0]).toMatchObject({
    type: 'submitted',
    fileId: expect.stringMatching(/^my-customers-[0-9a-f]{6}$/),
  });
  expect(lines.at(-1)).toMatchObject({ type: 'ended', status: 'failed' });
  expect(code).toBe(1);
  const refused = await verigate(url, 'export', 'none', '--json');
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(JSON.parse(refused.err)).toMatchObject({ type: 'error', code: 'file_not_found' });
});

test('asks which column is meant, and takes it by name', async () => {
  const { url, validator } = await start();
  const path = list('Work,Private\na@work.example,a@home.example\nb@work.example,b@home.example\n');
  const asked = await verigate(url, 'submit', path);
  expect(asked.code).toBe(64);
  expect(asked.err).toContain(
    '--column: more than one may be meant; the columns are 0 Work (2 addresses), 1 Private',
  );
  expect(validator.seen).toHaveLength(0);
  expect((await verigate(url, 'submit', path, '--column', 'Private')).code).toBe(0);
  expect(JSON.parse(validator.seen[0]?.body ?? '')).toMatchObject({
    emails: ['a@home.example', 'b@home.example'],
  });
});

test('draws a progress bar in a terminal, and ends on SIGINT', async () => {
  const { url, producer } = await start();
  await producer.register('f', { batches: [{ batchId: 'b', totalEmails: 2 }] });
  const line = `stty cols 100 rows 30; exec ${process.execPath} ${CLI} watch f`;
  const command = running(url, ['-qec', line, '/dev/null'], 'script');
  await command.until('░░░');
  await producer.update(message('b', plainResults('x', 2), { isComplete: true }));
  const { code, out } = await command.ended();
  expect(out).toContain('█'.repeat(30));
  expect(out).toContain('f is completed: 1 deliverable, 0 undeliverable, 1 risky');
  expect(code).toBe(0);

  const waiting = running(url, [CLI, 'watch', 'later']);
  await waiting.until('pending, 0 %');
  waiting.child.kill('SIGINT');
  expect((await waiting.ended()).code).toBe(130);
});

test.each([
  ['no argument', ['submit'], {}, 64, "missing required argument 'list'"],
  ['an unknown command', ['validate'], {}, 64, 'Try --help.'],
  ['an unknown option', ['watch', 'f', '--fast'], {}, 64, "unknown option '--fast'"],
  ['an address that is none', ['watch', 'f'], { VERIGATE_URL: 'nowhere' }, 64, 'VERIGATE_URL: must be'],
  ['a list that is not there', ['submit', 'none.csv'], {}, 66, 'none.csv cannot be read (ENOENT)'],
  ['no gateway', ['export', 'f'], { VERIGATE_URL: 'http://127.0.0.1:1' }, 69, 'no gateway answers'],
])('%s', async (_, args, env, code, text) => {
  const ended = await runProgram(process.execPath, [CLI, ...args], env);
  expect([ended.code, ended.out]).toEqual([code, '']);
  expect(ended.err).toContain(text);
});

test('a token is made with the secret, and refused without its scope', async () => {
  const { url } = await startTestGateway({ ...JWT });
  const made = await runProgram(process.execPath, [CLI, 'token', '--sub', 'jane', '--scope', 'read'], {
    JWT_SECRET: SECRET,
  });
  expect(made.code).toBe(0);
  for (const VERIGATE_TOKEN of [made.out.trim(), await tokenOf({ sub: 'jane', exp: 1 }), '']) {
    const { code } = await runProgram(process.execPath, [CLI, 'submit', list()], {
      VERIGATE_URL: url,
      VERIGATE_TOKEN,
    });
    expect(code).toBe(77);
  }
});

test('the packed main package runs the gateway with its page', async () => {
  const folder = temporaryDirectory();
  const packed = await runProgram(
    'npm',
    ['pack', '--json', '--offline', '--ignore-scripts', '--pack-destination', folder],
    {
      HOME: folder,
      npm_config_update_notifier: 'false',
    },
  );
  expect([packed.code, packed.err]).toEqual([0, '']);
  const [{ filename }] = JSON.parse(packed.out) as [{ filename: string }];
  await runProgram('tar', ['xzf', join(folder, filename), '-C', folder]);
  await runProgram('ln', ['-s', join(ROOT, 'node_modules'), join(folder, 'package/node_modules')]);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package/package.json'), 'utf8')) as {
    bin: { verigate: string };
  };
  const gateway = await spawnGateway({}, join(folder, 'package', bin.verigate));
  expect(await (await fetch(gateway.url)).text()).toContain('Verigate');
  expect((await fetch(`${gateway.url}/client/index.js`)).status).toBe(200);
  expect(await gateway.end('SIGTERM')).toBe(0);
});

test('what answers and is no gateway is told in one line, whatever it says', async () => {
  const commands = '\u001b]0;x\u0007\u009b31m\u202e\u061c\u00ad\u{e0041}';
  let answer: { status: number; body: string | null } = { status: 200, body: '' };
  const server = createServer((req, res) => {
    res.writeHead(answer.status, { 'content-type': 'application/json' });
    if (answer.body !== null) {
      res.end(answer.body);
      return;
    }
    const more = () => {
      while (res.write('['.repeat(65_536)));
    };
    res.on('drain', more).on('error', () => undefined);
    req.resume();
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const [said, ...json] of [
    [{ status: 200, body: '{"listId":"x","rows":1,"columns":"x","emailColumn":null}' }],
    [{ status: 400, body: JSON.stringify({ code: commands, detail: commands }) }, '--json'],
    [{ status: 400, body: null }],
  ] as const) {
    answer = said;
    const { code, out, err } = await verigate(url, 'submit', list(), ...json);
    expect(code).not.toBe(0);
    expect(out).toBe('');
    expect(err.trim().split('\n')).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(err).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\p{Cf}]/u);
  }
});

/** Answers every export with what a mail server may have said. */
async function exporting(text: string): Promise<string> {
  return answering((_req, res) => res.setHeader('Content-Disposition', 'attachment').end(text));
}

async function answering(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTeardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('neither a redirect nor a page that asks for a login is taken for a gateway', async () => {
  let asked = 0;
  const login = await answering((_req, res) => {
    asked++;
    res.end('<p>Please log in');
  });
  const redirect = await answering((_req, res) => void res.writeHead(302, { location: login }).end());
  for (const [url, ...command] of [
    [redirect, 'export', 'f'],
    [redirect, 'watch', 'f'],
    [login, 'export', 'f'],
    [login, 'watch', 'f'],
  ] as const) {
    const { code, out, err } = await verigate(url, ...command);
    expect([code, out]).toEqual([69, '']);
    expect(err).toMatch(/^verigate: what answers at .* is no gateway\n$/);
  }
  expect(asked).toBe(2);
}, 60_000);

test('a download in a terminal holds nothing that the terminal obeys, and elsewhere all of it', async () => {
  const text = 'email\treason\r\n\u001b]0;mine\u0007a\u202e@x\u009b2J,é\r\n';
  const url = await exporting(text);
  const line = `${process.execPath} ${CLI} export f`;
  const { code, out } = await running(url, ['-qec', line, '/dev/null'], 'script').ended();
  expect(code).toBe(0);
  expect(out).toMatch(/^email\treason\r+\n ]0;mine a @x 2J,é\r+\n$/);
  expect((await verigate(url, 'export', 'f')).out).toBe(text);
});

test('a download writes through no link beside it, and into a device instead of over it', async () => {
  const url = await exporting('results');
  const folder = temporaryDirectory();
  const path = join(folder, 'out.csv');
  writeFileSync(join(folder, 'precious'), 'precious');
  symlinkSync('precious', `${path}.part`);
  expect((await verigate(url, 'export', 'f', '-o', path)).code).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe('results');
  expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('precious');
  expect(readdirSync(folder).sort()).toEqual(['out.csv', 'out.csv.part', 'precious']);

  const device = join(folder, 'device');
  symlinkSync('/dev/null', device);
  expect((await verigate(url, 'export', 'f', '-o', device)).code).toBe(0);
  expect(lstatSync(device).isSymbolicLink()).toBe(true);
});

test.each([
  ['none', null],
  ['empty', {}],
  ['without a pace', { progress: { total: 1, processed: 1, skipped: 0, percentage: 9 }, throughput: null }],
  ['beyond the bar', { progress: { total: 1, processed: 1, skipped: 0, percentage: 1e9 } }],
])('stats that are %s end no command with a stack', async (name, said) => {
  const progress = { total: 1, processed: 0, skipped: 0, percentage: 0 };
  const throughput = { emailsPerSecond: null, etaSeconds: null };
  const rest = { fileId: 'f', epoch: 'e', revision: 1, status: 'processing', stats: {}, submission: null };
  const server = createServer((_req, res) => res.end(JSON.stringify({ ...rest, progress, throughput })));
  const io = new Server(server);
  onTeardown(() => io.close());
  const stats = said && { ...rest, throughput, ...said };
  let asks = 0;
  const asked = new Promise<void>((resolve) => {
    io.on('connection', (socket) =>
      socket.on('subscribe', (_body, answer) => {
        answer({ ok: true, recovered: false, epoch: 'e', revision: 1, stats, emails: null });
        asks += 1;
        if (stats !== null || asks === 2) resolve();
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const command = running(url, [CLI, 'watch', 'f']);
  await asked;
  // Without stats it asks again, as it does where a gateway cannot answer now.
  if (name === 'none') command.child.kill('SIGINT');
  const { code, err } = await command.ended();
  expect(code).toBe(name === 'none' ? 130 : 69);
  expect(err).toBe(name === 'none' ? '' : `verigate: what answers at ${url} is no gateway\n`);
});

test('where no WebSocket opens, `watch` says so after a while', async () => {
  const url = await answering((_req, res) => res.writeHead(404).end('{"code":"file_not_found"}'));
  const output = { note: () => undefined, endProgress: () => undefined } as unknown as Output;
  await expect(watch({ url, token: undefined }, 'f', output, 200)).rejects.toMatchObject({
    code: 'unreachable',
    exitCode: 69,
    message: expect.stringContaining('no WebSocket opens'),
  });
});
