import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { Producer } from '../support/producer.js';
import { runOurs, runProgram } from '../support/program.js';
import { retry } from '../support/wait.js';

const ADDRESSES = ['jane@example.com', 'plain', '', ' b@x.org', 'a@x', 'c@x.org', 'c@x.org'];

async function emailsOf(url: string, path: string): Promise<unknown[]> {
  const { body } = await new Producer(url).get(`${path}/emails`);
  return (body.emails as { email: string }[]).map(({ email }) => email);
}

test('the producer in TypeScript fills a file', async () => {
  const { url } = await startTestGateway();
  const env = { VERIGATE_URL: url, BATCH_ID: 'b1' };
  const ended = await runOurs('examples/producer', ['a file', ...ADDRESSES], env);
  expect(ended).toEqual({ code: 0, out: '5 of 7\n7 of 7\n', err: '' });
  await retry(async () =>
    expect((await new Producer(url).get('/api/files/a%20file/stats')).body).toMatchObject({
      status: 'completed',
      progress: { total: 7, processed: 7 },
    }),
  );
  expect(await emailsOf(url, '/api/files/a%20file')).toEqual(ADDRESSES);
  // Run again, it changes nothing.
  expect((await runOurs('examples/producer', ['a file', ...ADDRESSES], env)).code).toBe(0);
  expect(await emailsOf(url, '/api/files/a%20file')).toEqual(ADDRESSES);
});

test('the producer in curl fills a file', async () => {
  const { url } = await startTestGateway();
  const ended = await runProgram('sh', ['examples/producer.sh', 'f', 'b1'], { VERIGATE_URL: url });
  expect([ended.code, ended.err]).toEqual([0, '']);
  expect(ended.out.match(/"outcome":"(\w+)"/g)).toEqual(['"outcome":"applied"', '"outcome":"applied"']);
  await retry(async () =>
    expect((await new Producer(url).get('/api/files/f/stats')).body).toMatchObject({
      status: 'completed',
      stats: { deliverable: { count: 1 }, undeliverable: { count: 1, categories: { invalid_email: 1 } } },
    }),
  );
  // A refusal ends it and is printed.
  const refused = await runProgram('sh', ['examples/producer.sh', 'another', 'b1'], { VERIGATE_URL: url });
  expect([refused.code, refused.out]).toEqual([22, expect.stringContaining('invalid_request')]);
});

test.each(['producer', 'listener'])('the %s explains its arguments', async (name) => {
  const { code, err } = await runOurs(`examples/${name}`, []);
  expect([code, err]).toEqual([64, expect.stringContaining('Usage')]);
});
