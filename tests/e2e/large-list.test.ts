/**
 * A large list goes in as a person has it, is validated at full speed while its gateway and its validator are killed, and comes back
 * row by row as a model says.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { NO_FAULTS } from '../../demo/validator/options.js';
import { validate } from '../../demo/validator/work/run.js';
import { CELLS, cellOf } from '../../src/domain/verdict.js';
import { FLAGS } from '../demo/caller.js';
import { effort } from '../support/effort.js';
import { freePort } from '../support/free-port.js';
import { spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { ask } from '../support/slice-validator.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

/** `LIST_ROWS=1000000 npm test -- large-list` takes a quarter of an hour. */
const ROWS = Number(process.env.LIST_ROWS ?? effort(6_000, 200_000));
const SLICES = 12;
const PATIENCE_MS = ROWS > 6_000 ? 1_800_000 : 60_000;
const KEY = 'a-key';
const HEADER = 'No;E-Mail;Name;Note';
const program = fileURLToPath(new URL('../../demo/validator/main.js', import.meta.url));

interface Line {
  readonly text: string;
  /** As it is sent; null: the row has none. */
  readonly address: string | null;
}

/** One row in twenty repeats an address, in other letters; others have no address, or one that can be none. */
const lines = Array.from({ length: ROWS }, (_, n): Line => {
  const address = n % 50 === 7 ? '' : n % 40 === 3 ? `nobody ${n}` : `user${n}@example${n % 900}.com`;
  const repeated = n % 20 === 19 ? `User${n - 1}@Example${(n - 1) % 900}.com` : address;
  const note = n % 3 === 0 ? `"said ""hi""; row ${n}"` : `row ${n}`;
  return { text: `${n};${repeated};Jürgen ${n};${note}`, address: repeated || null };
});

async function spawnValidator(port: number, gateway: number): Promise<{ kill(): Promise<void> }> {
  const at = ['--port', `${port}`, '--gateway', `http://127.0.0.1:${gateway}`, '--key', KEY];
  const work = ['--rate', '0', '--every', '50', '--limit', '0', '--answer-delay', '100'];
  const child = spawn(process.execPath, [program, ...at, ...work], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  onTeardown(kill);
  await once(child.stdout, 'data');
  return { kill };
}

test(
  `${ROWS} rows come back with their verdicts, whatever is killed meanwhile`,
  async () => {
    const [port, validatorPort] = [await freePort(), await freePort()];
    const env = {
      PORT: String(port),
      DATA_DIR: temporaryDirectory(),
      VALIDATOR_URL: `http://127.0.0.1:${validatorPort}/api/v1`,
      VALIDATOR_API_KEY: KEY,
      VALIDATOR_SLICE: String(Math.ceil(ROWS / SLICES)),
      SUBMISSION_LEASE_MS: '2000',
      SUBMISSION_RETRY_MS: '50',
      SUBMISSION_MAX_RETRY_MS: '500',
      STALL_AFTER_MS: '1500',
      QUEUE_STALL_AFTER_MS: '2000',
    };
    let gateway = await spawnGateway(env);
    let validator = await spawnValidator(validatorPort, port);
    const stats = async () => (await ask(gateway.url, 'GET', '/files/f/stats')).json;
    const submission = async () => (await stats()).submission;

    const body = `${HEADER}\r\n${lines.map(({ text }) => `${text}\r\n`).join('')}`;
    const { json: list } = await ask(gateway.url, 'POST', '/lists?name=customers.csv', body);
    const sent = firstOfEach();
    expect(list).toMatchObject({ rows: ROWS, emailColumn: 1, unique: sent.size });
    const submitted = await ask(gateway.url, 'POST', '/files/f/validations', { listId: list.listId });
    expect([submitted.status, submitted.json.totalEmails]).toEqual([202, sent.size]);

    const halfway = async (share: number) => {
      await retry(
        async () => expect((await submission()).submitted).toBeGreaterThan(sent.size * share),
        PATIENCE_MS,
      );
      expect((await submission()).submitted).toBeLessThan(sent.size);
    };
    await halfway(0.1);
    expect(await gateway.end('SIGKILL')).toBeNull();
    gateway = await spawnGateway(env);
    await halfway(0.4);
    await validator.kill();
    validator = await spawnValidator(validatorPort, port);

    let retries = 0;
    await retry(async () => {
      const { submitted: done, uncertain, error } = await submission();
      if (uncertain > 0 && error === null) {
        if ((await ask(gateway.url, 'POST', '/files/f/validations/retry')).status === 202) retries++;
      }
      expect([done, uncertain, error]).toEqual([sent.size, 0, null]);
    }, PATIENCE_MS);
    // What the dead validator had not finished is lost with it: an operator ends it.
    await retry(async () => {
      const { batches } = await stats();
      expect(batches.completed + batches.stalled).toBe(batches.total);
    }, PATIENCE_MS);
    await validator.kill();
    const { stalled } = (await stats()).batches;
    await endUnfinished(gateway.url);
    expect((await stats()).status).toBe(stalled > 0 ? 'failed' : 'completed');

    const results = (await download(gateway.url, 'format=ndjson')).map(
      (line) => JSON.parse(line).email as string,
    );
    const validated = new Set(results);
    if (retries === 0) expect(results).toHaveLength(validated.size);
    for (const email of validated)
      if (sent.get(email.toLowerCase()) !== email) throw new Error('another address');
    if (stalled === 0) expect(validated.size).toBe(sent.size);

    const back = await download(gateway.url, 'layout=original');
    expect(back).toHaveLength(ROWS + 1);
    expect(back[0]).toBe(`${HEADER};verdict;reason;risk;score`);
    for (const [index, line] of lines.entries()) {
      const expected = `${line.text};${verdictOn(line, sent, validated)}`;
      if (back[index + 1] !== expected) expect(back[index + 1]).toBe(expected);
    }
    await validator.kill();
  },
  PATIENCE_MS * 2,
);

/** By its key, the first spelling of each address: that is what is sent. */
function firstOfEach(): Map<string, string> {
  const first = new Map<string, string>();
  for (const { address } of lines)
    if (address !== null && !first.has(address.toLowerCase())) first.set(address.toLowerCase(), address);
  return first;
}

function verdictOn(
  { address }: Line,
  sent: ReadonlyMap<string, string>,
  validated: ReadonlySet<string>,
): string {
  const first = address === null ? undefined : sent.get(address.toLowerCase());
  if (first === undefined || !validated.has(first)) return ';;;';
  const { status, risk_level, deliverability_score, details } = validate(first, FLAGS, NO_FAULTS);
  const reason = CELLS[cellOf(status, risk_level, details.sub_status)]?.category;
  return `${status};${reason ?? ''};${risk_level};${deliverability_score}`;
}

async function download(url: string, query: string): Promise<string[]> {
  const response = await fetch(`${url}/api/files/f/export?${query}`);
  expect(response.status).toBe(200);
  return (await response.text()).split(/\r?\n/).slice(0, -1);
}

async function endUnfinished(url: string): Promise<void> {
  for (const status of ['waiting', 'running', 'stalled']) {
    for (;;) {
      const { json } = await ask(url, 'GET', `/files/f/batches?status=${status}&limit=500`);
      for (const { batchId } of json.items)
        await ask(url, 'POST', `/files/f/batches/${batchId}/fail`, { reason: 'the validator was killed' });
      if (json.items.length === 0) break;
    }
  }
}
