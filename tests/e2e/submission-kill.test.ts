/** A gateway that is killed in the middle of a submission: no slice is sent twice, and none is lost. */
import { expect, test } from '@jest/globals';
import { effort } from '../support/effort.js';
import { freePort } from '../support/free-port.js';
import { spawnGateway, startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { ask, emailsOf, POINTS, SOON, sliceValidator, submitList } from '../support/slice-validator.js';
import { retry } from '../support/wait.js';

test.each(POINTS.slice(0, effort(1, 3)))(
  'a list whose gateway is killed when its second slice was %s goes on after the start',
  async (point) => {
    const validator = await sliceValidator();
    const env = { ...SOON, DATA_DIR: temporaryDirectory(), VALIDATOR_URL: validator.url };
    const first = await spawnGateway(env);
    // The first slice is answered, and the next request stops.
    const reached = validator.stopAt(point, 2);
    const submitted = submitList(first.url, 25);
    await reached;
    expect(await first.end('SIGKILL')).toBeNull();
    await await submitted;

    const second = await spawnGateway(env);
    const submission = async () => (await ask(second.url, 'GET', '/files/f/stats')).json.submission;
    await retry(async () => {
      const { total, submitted: done, uncertain } = await submission();
      expect([total, done + uncertain]).toEqual([25, 25]);
    });
    // No slice was sent twice by itself.
    const sent = validator.seen.map(({ body }) => JSON.parse(body).emails[0]);
    expect(sent).toEqual(['u0@x.com', 'u10@x.com', 'u20@x.com']);
    const { uncertain } = await submission();
    if (point !== 'answered') expect(uncertain).toBeGreaterThan(0);
    if (uncertain > 0) expect((await ask(second.url, 'POST', '/files/f/validations/retry')).status).toBe(202);
    await retry(async () =>
      expect(await submission()).toEqual({ total: 25, submitted: 25, uncertain: 0, error: null }),
    );
    // Each address was accepted, whatever happened.
    expect(new Set(validator.accepted.flat())).toEqual(new Set(emailsOf(25)));
  },
);

test.each(POINTS.slice(0, effort(1, 3)))(
  'addresses under a key are not submitted again when they were %s and the gateway was killed',
  async (point) => {
    const validator = await sliceValidator();
    const env = { ...SOON, DATA_DIR: temporaryDirectory(), VALIDATOR_URL: validator.url };
    const first = await spawnGateway(env);
    const submit = (url: string) =>
      ask(url, 'POST', '/files/f/validations', { emails: emailsOf(11) }, { 'Idempotency-Key': 'k' });
    const reached = validator.stopAt(point);
    const submitted = submit(first.url).catch(() => undefined);
    await reached;
    expect(await first.end('SIGKILL')).toBeNull();
    await submitted;
    const second = await spawnGateway(env);
    const again = await retry(async () => {
      const answer = await submit(second.url);
      expect(answer.status).not.toBe(503);
      return answer;
    });
    expect(validator.seen).toHaveLength(1);
    // Its answer may have been written down or not.
    if (point === 'answered' && again.status === 202) expect(again.json.batchIds).toEqual(['r1-b1', 'r1-b2']);
    else expect([again.status, again.json.code]).toEqual([502, 'validator_unavailable']);
  },
);

test('a validator that is away for a while gets every slice once, in order', async () => {
  const validator = await sliceValidator();
  const away = `http://127.0.0.1:${await freePort()}`;
  const env = { ...SOON, DATA_DIR: temporaryDirectory() };
  const first = await startTestGateway({ ...env, VALIDATOR_URL: away });
  const submission = async (url: string) => (await ask(url, 'GET', '/files/f/stats')).json.submission;
  await await submitList(first.url, 25);
  const waiting = { total: 25, submitted: 0, uncertain: 0, error: 'validator_unavailable' };
  await retry(async () => expect(await submission(first.url)).toEqual(waiting));
  await first.close();
  const second = await startTestGateway({ ...env, VALIDATOR_URL: validator.url });
  const done = { total: 25, submitted: 25, uncertain: 0, error: null };
  await retry(async () => expect(await submission(second.url)).toEqual(done));
  expect(validator.accepted).toEqual([emailsOf(10), emailsOf(10, 10), emailsOf(5, 20)]);
});
