/** A real full disk, from the moment on at which the validator has accepted: nothing is sent twice, and nothing is lost. */
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { thoroughTest } from '../support/effort.js';
import { startTestGateway } from '../support/gateway.js';
import { ask, emailsOf, SOON, submitList } from '../support/slice-validator.js';
import { describeWithDisk, fillUp, MIB, makeRoom, smallDisk } from '../support/small-disk.js';
import { retry } from '../support/wait.js';
import { standIn } from '../validator/stand-in.js';

/** A gateway on a small disk, and a validator that fills it before its first answer. */
async function start() {
  const disk = smallDisk(32 * MIB);
  const accepted: string[][] = [];
  const validator = await standIn((response, { body }) => {
    const number = accepted.push(JSON.parse(body).emails);
    if (number === 1) fillUp(disk);
    const answer = { requestId: `r${number}`, batchIds: [`r${number}-b1`, `r${number}-b2`] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const { url } = await startTestGateway({
    ...SOON,
    DATA_DIR: join(disk, 'data'),
    VALIDATOR_URL: validator.url,
    DISK_RESERVE_BYTES: '0',
  });
  return { url, accepted, disk };
}

describeWithDisk('a disk that is full once the validator has accepted', () => {
  it('holds a list up until there is room, and each slice is sent once', async () => {
    const { url, accepted, disk } = await start();
    await submitList(url, 25);
    const submission = async () => (await ask(url, 'GET', '/files/f/stats')).json.submission;
    expect(await submission()).toMatchObject({ total: 25, submitted: 0 });
    expect(accepted).toHaveLength(1);
    makeRoom(disk);
    const done = { total: 25, submitted: 25, uncertain: 0, error: null };
    await retry(async () => expect(await submission()).toEqual(done));
    expect(accepted).toEqual([emailsOf(10), emailsOf(10, 10), emailsOf(5, 20)]);
  });

  // Its caller waits for five seconds before it is told.
  thoroughTest(
    'registers addresses under a key when there is room, and does not submit them again (thorough run)',
    async () => {
      const { url, accepted, disk } = await start();
      const submit = () =>
        ask(url, 'POST', '/files/f/validations', { emails: emailsOf(11) }, { 'Idempotency-Key': 'k' });
      expect((await submit()).status).toBe(503);
      makeRoom(disk);
      const answer = await retry(async () => {
        const again = await submit();
        expect(again.status).toBe(202);
        return again;
      });
      expect(answer.json.batchIds).toEqual(['r1-b1', 'r1-b2']);
      expect(accepted).toEqual([emailsOf(11)]);
    },
  );
});
