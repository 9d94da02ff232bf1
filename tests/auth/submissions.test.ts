/** Keys, lists and submissions of one user, as another user meets them. */
import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { ask, emailsOf, SOON, sliceValidator } from '../support/slice-validator.js';
import { JWT, tokenOf } from '../support/tokens.js';

const as = async (sub: string) => ({
  authorization: `Bearer ${await tokenOf({ sub, scope: 'read ingest' })}`,
});

test("a key is its caller's own, in flight too: another user learns nothing of it", async () => {
  const validator = await sliceValidator();
  const { url } = await startTestGateway({
    ...JWT,
    ...SOON,
    VALIDATOR_URL: validator.url,
    VALIDATOR_TIMEOUT_MS: '2000',
  });
  const [jane, joe] = [await as('jane'), await as('joe')];
  const submit = (who: object, emails: readonly string[], fileId = 'f') =>
    ask(url, 'POST', `/files/${fileId}/validations`, { emails }, { ...who, 'Idempotency-Key': 'k' });
  const reached = validator.stopAt('received');
  const hers = submit(jane, emailsOf(12));
  await reached;
  // The same list and another one: of two who claim a new file at once one gets 409, whatever their keys.
  for (const emails of [emailsOf(12), emailsOf(5)]) {
    const { status, json } = await submit(joe, emails);
    expect([status, json.code]).toEqual([409, 'file_exists']);
    expect(JSON.stringify(json)).not.toMatch(/key|Idempotency/i);
  }
  // His own file is his, under the same key.
  expect((await submit(joe, emailsOf(12), 'his')).status).toBe(202);
  // Her answer is lost, and stays hers.
  expect((await hers).status).toBe(502);
  expect((await submit(jane, emailsOf(12))).status).toBe(502);
  const answered = await submit(joe, emailsOf(12));
  expect([answered.status, answered.json.requestId]).toEqual([202, 'r2']);
  expect((await submit(jane, emailsOf(12))).json.code).toBe('file_not_found');
  expect((await ask(url, 'POST', '/files/f/validations/retry', {}, jane)).json.code).toBe('file_not_found');
});

test("a list is submitted by its uploader only, and another's file is not there to be retried", async () => {
  const validator = await sliceValidator();
  const { url } = await startTestGateway({ ...JWT, ...SOON, VALIDATOR_URL: validator.url });
  const [jane, joe] = [await as('jane'), await as('joe')];
  const { json: list } = await ask(url, 'POST', '/lists?name=a.csv', emailsOf(12).join('\n'), jane);
  const submit = (who: object) =>
    ask(url, 'POST', '/files/f/validations', { listId: list.listId }, { ...who });
  expect((await submit(joe)).json.code).toBe('list_not_found');
  expect((await submit(jane)).status).toBe(202);
  expect((await submit(joe)).json.code).toBe('file_not_found');
  expect((await ask(url, 'POST', '/files/f/validations/retry', {}, joe)).json.code).toBe('file_not_found');
  expect(validator.seen.every(({ headers }) => headers['x-user-id'] === 'jane')).toBe(true);
});
