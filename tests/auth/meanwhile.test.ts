/** What a caller gets of a file that another user has begun, under the same id, while the request was under way: nothing. */
import { expect, test } from '@jest/globals';
import { Guard } from '../../src/auth/guard.js';
import { createTokens } from '../../src/auth/tokens.js';
import { readConfig } from '../../src/config.js';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { answerOf, complete, result, startApp, type TestApp } from '../http/harness.js';
import { JWT, tokenOf } from '../support/tokens.js';

const JANE = await tokenOf({ sub: 'jane', scope: 'read ingest' });
const FILE = '/api/files/f';

type Call = (method: string, path: string, body?: unknown) => ReturnType<typeof answerOf>;

/**
 * Jane's file, which is deleted and begun anew by Joe as soon as a request has been found to be allowed; `comesBack`: and by Jane
 * before it is found to be allowed again.
 */
async function startRace({
  comesBack = false,
} = {}): Promise<{ call: Call; app: TestApp; arm(): void; isOver(): boolean }> {
  let isArmed = false;
  let isOver = false;
  const users = { find: async (fileId: string) => look(fileId) };
  const guard = new Guard(createTokens(readConfig(JWT)), users, { check: async () => undefined });
  const app = await startApp({ guard });
  const { intake, store } = app.deps;
  const fill = async (userId: string, batchId = `batch of ${userId}`) => {
    const claimant = { userId, files: [], isAdmin: false };
    const batches = [{ batchId, totalEmails: 2 }];
    const details = { requestId: null, userId: null, totalEmails: null, totalBatches: null };
    await intake.register({ fileId: 'f', ...details, batches }, claimant);
    const results = [`${userId}1@${userId}.example`, `${userId}2@${userId}.example`].map((email) =>
      result(email),
    );
    const bytes = Buffer.from(JSON.stringify(complete(batchId, results)));
    expect(await intake.update(bytes, claimant)).toBe('applied');
  };
  async function look(fileId: string) {
    if (comesBack && isOver) {
      comesBack = false;
      await intake.remove('f', VALIDATOR);
      await fill('jane', 'another batch');
    }
    const facts = await store.files.find(fileId);
    if (!isArmed) return facts;
    isArmed = false;
    await intake.remove('f', VALIDATOR);
    await fill('joe');
    isOver = true;
    return facts;
  }
  await fill('jane');
  await app.announce();
  const call: Call = async (method, path, body) =>
    answerOf(
      await fetch(`${app.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${JANE}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
      method,
    );
  const arm = () => {
    isArmed = true;
  };
  return { call, app, arm, isOver: () => isOver };
}

const READS = [
  ['GET', ''],
  ['GET', '/stats'],
  ['GET', '/emails'],
  ['GET', '/emails?email=j'],
  ['GET', '/breakdown?by=domain'],
  ['GET', '/breakdown?by=score'],
  ['GET', '/batches'],
  ['GET', '/listeners'],
  ['GET', '/export'],
  ['GET', '/export?format=ndjson'],
  ['GET', '/export?format=xlsx'],
  ['HEAD', '/export'],
] as const;

test.each([
  ...READS,
  ['DELETE', ''],
  ['POST', '/batches/batch of joe/fail'],
  ['POST', '/batches/batch of jane/fail'],
])('%s %s answers nothing of it, and changes nothing', async (method, path) => {
  const { call, app, arm, isOver } = await startRace();
  arm();
  const { status, text } = await call(
    method,
    `${FILE}${path}`,
    method === 'POST' ? { reason: 'why not' } : undefined,
  );
  expect([status, isOver()]).toEqual([404, true]);
  if (method !== 'HEAD') expect(JSON.parse(text)).toMatchObject({ code: 'file_not_found' });
  const { files } = app.deps.store;
  expect((await files.find('f'))?.userId).toBe('joe');
  expect((await files.batches('f')).map(({ batchId, status }) => [batchId, status])).toEqual([
    ['batch of joe', 'completed'],
  ]);
});

test.each(READS)('%s %s answers nothing of it where the file comes back', async (method, path) => {
  const { call, arm } = await startRace({ comesBack: true });
  arm();
  const { status, text } = await call(method, `${FILE}${path}`);
  // An export is not begun again.
  expect(status).toBe(path.startsWith('/export') ? 503 : 200);
  expect(text).not.toContain('joe');
  if (path === '' || path === '/emails') expect(text).toContain('jane1@');
});
