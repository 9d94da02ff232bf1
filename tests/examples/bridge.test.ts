/** The bridge from a validator that judges one address at a time, against a fake of Reacher's API. */
import { spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { Producer } from '../support/producer.js';
import { ROOT } from '../support/program.js';
import { onTeardown } from '../support/teardown.js';

function answer(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers by the local part, out of order; `busy` and `broken` fail at first, `down` always. */
async function fakeReacher() {
  const asked = new Map<string, number>();
  const seen = { atOnce: 0, most: 0, tokens: new Set<string | undefined>() };
  const server = createServer(async (req, res) => {
    seen.tokens.add(req.headers.authorization);
    seen.most = Math.max(seen.most, ++seen.atOnce);
    res.once('close', () => seen.atOnce--);
    let text = '';
    for await (const piece of req) text += piece;
    const { to_email: email } = JSON.parse(text) as { to_email: string };
    const tries = (asked.get(email) ?? 0) + 1;
    asked.set(email, tries);
    const [name = ''] = email.split('@');
    if (name === 'down' || (name === 'broken' && tries === 1)) return answer(res, 500, { error: 'oops' });
    if (name === 'busy' && tries === 1) return answer(res, 429, {}, { 'retry-after': '1' });
    const known = ['safe', 'risky', 'invalid', 'unknown'].find((verdict) => name.startsWith(verdict));
    const body = {
      input: email,
      is_reachable: known ?? (email.includes('@') ? 'safe' : 'invalid'),
      misc: { is_disposable: false, is_role_account: name === 'risky-role' },
      mx: { accepts_mail: name !== 'invalid-domain', records: ['mx.example.com.'] },
      smtp: { is_catch_all: name === 'risky-catch', has_full_inbox: false, is_deliverable: known === 'safe' },
      syntax: { domain: 'example.com', is_valid_syntax: email.includes('@') },
    };
    // The first of all is the last to be answered.
    return void setTimeout(() => answer(res, 200, body), name === 'safe-slow' ? 700 : 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v0/check_email`, asked, seen };
}

const EMAILS = [
  'safe-slow@example.com',
  'risky-role@example.com',
  'risky-catch@example.com',
  'invalid-domain@example.com',
  'invalid@example.com',
  'plain',
  'unknown@example.com',
  'busy@example.com',
  'broken@example.com',
  'down@example.com',
  ...Array.from({ length: 20 }, (_, index) => `safe-${index}@example.com`),
];

async function run(args: readonly string[], env: NodeJS.ProcessEnv, input: string) {
  const child = spawn(process.execPath, ['dist/examples/bridge.js', ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
  });
  onTeardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => {
    said.out += text;
  });
  child.stderr.on('data', (text) => {
    said.err += text;
  });
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, ...said };
}

test('each address is checked, judged in our words and sent in order', async () => {
  const checker = await fakeReacher();
  const { url } = await startTestGateway();
  const env = {
    CHECKER_URL: checker.url,
    CHECKER_TOKEN: 'a-secret',
    CONCURRENCY: '4',
    VERIGATE_URL: url,
  };
  const { code, out, err } = await run(['f'], env, `${EMAILS.join('\n')}\n`);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^0 of 30\n/);
  expect(out).toMatch(/\n30 of 30\n$/);
  expect(checker.seen.most).toBeLessThanOrEqual(4);
  expect(checker.seen.most).toBeGreaterThan(1);
  expect([...checker.seen.tokens]).toEqual(['a-secret']);
  expect(EMAILS.map((email) => checker.asked.get(email))).toEqual([
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    2,
    2,
    5,
    ...Array(20).fill(1),
  ]);
  const { body } = await new Producer(url).get('/api/files/f');
  expect(body.stats).toMatchObject({
    status: 'completed',
    progress: { total: 30, processed: 30 },
    stats: {
      deliverable: { count: 23 },
      risky: { count: 2, categories: { low_deliverability: 2 } },
      undeliverable: { count: 3, categories: { invalid_domain: 1, invalid_email: 1, rejected_email: 1 } },
      unknown: { count: 2, categories: { no_connect: 1, unexpected_error: 1 } },
    },
  });
  const { emails } = body.emails as { emails: { email: string }[] };
  expect(emails.map(({ email }) => email)).toEqual(EMAILS);
});

test('the bridge explains its argument', async () => {
  const { code, err } = await run([], {}, '');
  expect([code, err]).toEqual([64, expect.stringContaining('Usage')]);
});
