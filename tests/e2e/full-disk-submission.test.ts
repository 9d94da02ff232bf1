/** A real full disk, from the moment on at which the validator has accepted: nothing is sent twice, and nothing is lost. */
import { spawnSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { effort } from '../support/effort.js';
import { startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { ask, emailsOf, SOON, submitList } from '../support/slice-validator.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';
import { standIn } from '../validator/stand-in.js';

const probe = spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs tmpfs $d && umount $d && rmdir $d']);
const mayMount = probe.status === 0;
const title = `a disk that is full once the validator has accepted${mayMount ? '' : ' (skipped: it needs the right to mount one)'}`;

/** A gateway on a small disk, and a validator that fills it before its first answer. */
async function start() {
  const disk = temporaryDirectory();
  expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk]).status).toBe(0);
  onTeardown(() => spawnSync('umount', ['-l', disk]));
  const ballast = join(disk, 'ballast');
  const accepted: string[][] = [];
  const validator = await standIn((response, { body }) => {
    const number = accepted.push(JSON.parse(body).emails);
    const { bavail, bsize } = statfsSync(disk);
    if (number === 1) writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    const answer = { requestId: `r${number}`, batchIds: [`r${number}-b1`, `r${number}-b2`] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const { url } = await startTestGateway({
    ...SOON,
    DATA_DIR: join(disk, 'data'),
    VALIDATOR_URL: validator.url,
    DISK_RESERVE_BYTES: '0',
  });
  return { url, accepted, makeRoom: () => rmSync(ballast) };
}

(mayMount ? describe : describe.skip)(title, () => {
  it('holds a list up until there is room, and each slice is sent once', async () => {
    const { url, accepted, makeRoom } = await start();
    await await submitList(url, 25);
    const submission = async () => (await ask(url, 'GET', '/files/f/stats')).json.submission;
    expect(await submission()).toMatchObject({ total: 25, submitted: 0 });
    expect(accepted).toHaveLength(1);
    makeRoom();
    const done = { total: 25, submitted: 25, uncertain: 0, error: null };
    await retry(async () => expect(await submission()).toEqual(done));
    expect(accepted).toEqual([emailsOf(10), emailsOf(10, 10), emailsOf(5, 20)]);
  });

  // Its caller waits for five seconds before it is told.
  (effort(0, 1) === 1 ? it : it.skip)(
    'registers addresses under a key when there is room, and does not submit them again (thorough run)',
    async () => {
      const { url, accepted, makeRoom } = await start();
      const submit = () =>
        ask(url, 'POST', '/files/f/validations', { emails: emailsOf(11) }, { 'Idempotency-Key': 'k' });
      expect((await submit()).status).toBe(503);
      makeRoom();
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
