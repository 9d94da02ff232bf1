/** Submissions of a cluster: one gateway at a time works at a list, and another one goes on when it dies. */
import { expect, test } from '@jest/globals';
import { describeCluster, startGateways } from '../support/cluster.js';
import { effort } from '../support/effort.js';
import { spawnGateway } from '../support/gateway.js';
import { StrictListener } from '../support/listener.js';
import { ask, emailsOf, POINTS, SOON, sliceValidator, submitList } from '../support/slice-validator.js';
import { retry } from '../support/wait.js';

describeCluster('gateways that submit', (env) => {
  test.each(POINTS.slice(0, effort(1, 3)))(
    'go on with the list of one that is killed when its second slice was %s',
    async (point) => {
      const validator = await sliceValidator();
      const settings = { ...SOON, ...env(), VALIDATOR_URL: validator.url };
      const [other] = await startGateways(1, settings);
      const url = other?.url ?? '';
      const victim = await spawnGateway(settings);
      const listener = new StrictListener('f');
      await listener.join(url);
      const reached = validator.stopAt(point, 2);
      const submitted = submitList(victim.url, 25);
      await reached;
      expect(await victim.end('SIGKILL')).toBeNull();
      await await submitted;
      const submission = async () => (await ask(url, 'GET', '/files/f/stats')).json.submission;
      await retry(async () => {
        const { submitted: done, uncertain } = await submission();
        expect(done + uncertain).toBe(25);
      });
      const sent = validator.seen.map(({ body }) => JSON.parse(body).emails[0]);
      expect(sent).toEqual(['u0@x.com', 'u10@x.com', 'u20@x.com']);
      if ((await submission()).uncertain > 0)
        expect((await ask(url, 'POST', '/files/f/validations/retry')).status).toBe(202);
      const done = { total: 25, submitted: 25, uncertain: 0, error: null };
      await retry(async () => expect(await submission()).toEqual(done));
      expect(new Set(validator.accepted.flat())).toEqual(new Set(emailsOf(25)));
      // Listeners see how far it is.
      await listener.until(() => listener.stats?.submission?.submitted === 25);
    },
  );

  test('submit many lists and keys at once, each slice once', async () => {
    const validator = await sliceValidator();
    const gateways = await startGateways(2, { ...SOON, ...env(), VALIDATOR_URL: validator.url });
    const urls = gateways.map(({ url }) => url);
    const lists = await Promise.all(
      Array.from({ length: 6 }, async (_, number) => {
        const url = urls[number % 2] ?? '';
        const emails = emailsOf(25, number * 100);
        const { json } = await ask(url, 'POST', '/lists?name=a.csv', emails.join('\n'));
        const answer = await ask(url, 'POST', `/files/list ${number}/validations`, { listId: json.listId });
        expect(answer.status).toBe(202);
        return emails;
      }),
    );
    // One key at both gateways at once: one submission, whose answer both get sooner or later.
    const keyed = await Promise.all(
      [...urls, ...urls].map((url) =>
        retry(async () => {
          const headers = { 'Idempotency-Key': 'k' };
          const answer = await ask(
            url,
            'POST',
            '/files/keyed/validations',
            { emails: emailsOf(12, 9000) },
            headers,
          );
          expect(answer.status).toBe(202);
          return answer.json.requestId;
        }),
      ),
    );
    expect(new Set(keyed).size).toBe(1);
    await retry(async () => {
      for (const number of lists.keys()) {
        const { json } = await ask(urls[number % 2] ?? '', 'GET', `/files/list ${number}/stats`);
        expect(json.submission).toMatchObject({ submitted: 25, uncertain: 0 });
      }
    });
    const all = [...lists.flat(), ...emailsOf(12, 9000)];
    expect(validator.accepted.flat().sort()).toEqual(all.sort());
  });
});
