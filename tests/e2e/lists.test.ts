import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { spawnGateway, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { ask, SOON, sliceValidator } from '../support/slice-validator.js';

const CANARY = 'canary-91c2e';
/** More than a chunk, so that some of it is on the disk before the upload has ended. */
const LIST = `${CANARY}@example.com\n`.repeat(30_000);

const traces = (directory: string): string[] =>
  readdirSync(directory).filter((name) => readFileSync(join(directory, name), 'latin1').includes(CANARY));
const noTraces = (directory: string) => () => traces(directory).length === 0;
const post = (url: string) => fetch(`${url}/api/lists?name=${CANARY}`, { method: 'POST', body: LIST });

test('an upload that a kill -9 cuts off leaves nothing after the restart, and a finished one is still there', async () => {
  const directory = temporaryDirectory();
  const first = await spawnGateway({ DATA_DIR: directory });
  const kept = (await (
    await fetch(`${first.url}/api/lists`, { method: 'POST', body: 'ann@example.com\n' })
  ).json()) as {
    listId: string;
  };
  const upload = request(`${first.url}/api/lists`, { method: 'POST', agent: false });
  upload.on('error', () => undefined);
  upload.write(LIST);
  await eventually('a part of it is on the disk', () => traces(directory).length > 0);
  await first.end('SIGKILL');
  expect(traces(directory)).not.toEqual([]);

  const second = await spawnGateway({ DATA_DIR: directory });
  await eventually('nothing of it is left', noTraces(directory));
  const answer = await fetch(`${second.url}/api/lists/${kept.listId}`);
  expect(await answer.json()).toEqual(kept);
});

test('a list that nobody uses is gone after its time, from the disk too', async () => {
  const directory = temporaryDirectory();
  const { url } = await startTestGateway({ DATA_DIR: directory, LIST_TTL_MS: '400' });
  const answer = await post(url);
  expect(answer.status).toBe(201);
  const { listId } = (await answer.json()) as { listId: string };
  await eventually('nothing of it is left', noTraces(directory));
  expect((await fetch(`${url}/api/lists/${listId}`)).status).toBe(404);
});

test('a refused list leaves nothing on the disk', async () => {
  const directory = temporaryDirectory();
  const { url } = await startTestGateway({ DATA_DIR: directory, MAX_LIST_ROWS: '29999' });
  const answer = await post(url);
  expect(answer.status).toBe(413);
  expect(await answer.text()).not.toContain(CANARY);
  expect(traces(directory)).toEqual([]);
});

test('a list whose slices still wait is in no log, and goes from the disk with its file', async () => {
  const directory = temporaryDirectory();
  const validator = await sliceValidator();
  const env = { ...SOON, DATA_DIR: directory, VALIDATOR_URL: validator.url, LOG_LEVEL: 'trace' };
  const { url, log, complaints } = await spawnGateway(env);
  const reached = validator.stopAt('received', 2);
  const rows = Array.from({ length: 35 }, (_, n) => `${CANARY}${n}@x.com;${CANARY}`);
  const { json } = await ask(url, 'POST', `/lists?name=${CANARY}.csv`, ['mail;note', ...rows].join('\n'));
  const submitted = ask(url, 'POST', '/files/f/validations', { listId: json.listId });
  await reached;
  expect((await submitted).status).toBe(202);
  expect(traces(directory)).not.toEqual([]);
  expect((await fetch(`${url}/api/files/f`, { method: 'DELETE' })).status).toBe(204);
  await eventually('nothing of it is left', noTraces(directory));
  expect(validator.seen).toHaveLength(2);
  expect([...log, ...complaints].filter((line) => line.includes(CANARY))).toEqual([]);
});
