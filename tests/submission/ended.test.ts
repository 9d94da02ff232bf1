/** A file that is deleted, or replaced, while the validator has some of its addresses. */
import { expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.js';
import { call, complete, result, startApp, type TestApp } from '../http/harness.js';
import { retry } from '../support/wait.js';
import { always, standIn, validatorAt } from '../validator/stand-in.js';

const PATH = '/api/files/f/validations';
const BATCHES = ['b1', 'b2'];
const emails = Array.from({ length: 5 }, (_, index) => `u${index}@x.com`);

/** A validator that answers when it is told to. */
async function start() {
  const answers: (() => void)[] = [];
  const server = await standIn((response, seen) => {
    answers.push(() => always(200, { requestId: 'r1', batchIds: BATCHES })(response, seen));
  });
  const app = await startApp({ validator: validatorAt(server) });
  return { app, server, answer: () => answers.shift()?.() };
}

const update = async (app: TestApp, batchId: string, more = {}): Promise<unknown> => {
  const results = emails.map((email) => result(email));
  return (await call(app, 'POST', '/api/updates', { ...complete(batchId, results), ...more })).json.outcome;
};

const remove = (app: TestApp) => call(app, 'DELETE', '/api/files/f');
const replace = (app: TestApp) =>
  call(app, 'POST', '/api/files/f/batches', { requestId: 'another', batches: [{ batchId: 'x' }] });

test('addresses do not come back whose file is deleted before they can be registered', async () => {
  const { app, server, answer } = await start();
  const { intake } = app.deps;
  const { register } = intake;
  let tries = 0;
  intake.register = async (...args) => {
    if (++tries > 1) return register.apply(intake, args);
    await remove(app);
    throw new Fault('unavailable');
  };
  const received = server.next();
  const submitted = call(app, 'POST', PATH, { emails });
  await received;
  answer();
  expect((await submitted).json.status).toBe('superseded');
  expect((await call(app, 'GET', '/api/files/f')).status).toBe(404);
  expect(await update(app, 'b1')).toBe('superseded');
});

test('nothing is kept of addresses whose file was registered otherwise while they are at the validator', async () => {
  const { app, server, answer } = await start();
  const received = server.next();
  const submitted = call(app, 'POST', PATH, { emails });
  await received;
  expect(await update(app, 'b1')).toBe('held');
  await replace(app);
  answer();
  expect((await submitted).json.code).toBe('file_exists');
  for (const batchId of BATCHES) expect(await update(app, batchId)).toBe('superseded');
  expect(await app.deps.store.updates.heldCounts()).toMatchObject({ updates: 0 });
  expect((await call(app, 'GET', '/api/files/f/batches')).json.items).toMatchObject([{ batchId: 'x' }]);
});

test.each([
  ['addresses whose file is deleted', false, {}, remove],
  ['addresses that replace a file which is deleted', true, { replace: true }, remove],
  ['a list whose file is deleted', false, null, remove],
  ['a list whose file is replaced', false, null, replace],
])('nothing is kept of %s while they are at the validator', async (_, exists, more, end) => {
  const { app, server, answer } = await start();
  if (exists) await replace(app);
  const body =
    more === null
      ? { listId: (await call(app, 'POST', '/api/lists?name=a.csv', emails.join('\n'))).json.listId }
      : { emails, ...more };
  const received = server.next();
  const submitted = call(app, 'POST', PATH, body);
  await received;
  // The first update comes before the answer.
  expect(await update(app, 'b1')).toBe('held');
  await end(app);
  answer();
  const { status, json } = await submitted;
  expect([status, json.status]).toEqual([202, 'superseded']);
  await retry(async () => expect(await update(app, 'b2')).toBe('superseded'));
  for (const named of [{}, { fileId: 'f' }]) expect(await update(app, 'b1', named)).toBe('superseded');
  expect(await app.deps.store.updates.heldCounts()).toMatchObject({ updates: 0 });
  const file = (await call(app, 'GET', '/api/files/f/batches')).json;
  if (end === remove) expect(file.code).toBe('file_not_found');
  else expect(file.items).toMatchObject([{ batchId: 'x' }]);
});
