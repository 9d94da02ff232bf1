/** A gateway on SQLite whose disk or whose file lets it down, as its operator sees it. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { expectSeen, startWatched } from '../cluster/operator.js';
import { untilReadiness } from '../support/checks.js';
import { Producer } from '../support/producer.js';
import { describeWithDisk, MIB, smallDisk } from '../support/small-disk.js';
import { addresses, updateMessage } from '../support/updates.js';
import { SQLITE_FAULTS } from './embedded-faults.js';

describeWithDisk('an embedded database that refuses', () => {
  test('is seen without any update, loses nothing, and heals', async () => {
    const disk = smallDisk(32 * MIB);
    const gateway = await startWatched({ DATA_DIR: join(disk, 'data') });
    await untilReadiness(gateway.url);
    const producer = new Producer(gateway.url);
    const send = async (emails: number) =>
      (
        await producer.call(
          'POST',
          '/api/updates',
          updateMessage({ batchId: 'b', fileId: 'f', emails: addresses(emails) }),
        )
      ).status;
    const exported = async () =>
      (await (await fetch(`${gateway.url}/api/files/f/export?format=ndjson`)).text()).split('\n').length - 1;
    let stored = 1;
    expect(await send(stored)).toBe(202);
    for (const fault of SQLITE_FAULTS) {
      await fault.begin(disk);
      await expectSeen(gateway, { dependency: 'database', ...fault }, async () => {
        expect(await send(stored + 1)).toBe(503);
        expect(await exported()).toBe(stored);
        await fault.end(disk);
      });
      expect(await send(++stored)).toBe(202);
      expect(await exported()).toBe(stored);
    }
  });
});
