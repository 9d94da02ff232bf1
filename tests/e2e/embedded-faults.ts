/** What the disk of an embedded gateway may do to it. Each fault is a row of the table in docs/operations.md. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerFault } from '../cluster/faults.js';
import { fillUp, makeRoom } from '../support/small-disk.js';

/** `data` on a disk of its own, whose path they are given. */
export const SQLITE_FAULTS: readonly ServerFault<string>[] = [
  {
    title: 'the disk is full',
    reason: 'disk_full',
    codes: ['ENOSPC', 'SQLITE_FULL'],
    named: 'disk_full',
    hint: /DATA_DIR/,
    async begin(disk) {
      fillUp(disk);
    },
    async end(disk) {
      makeRoom(disk);
    },
  },
  {
    title: 'its file was deleted, moved or replaced',
    reason: 'refused',
    codes: ['FILE_GONE'],
    named: 'database',
    hint: /verigate\.db was deleted or moved/,
    async begin(disk) {
      renameSync(join(disk, 'data', 'verigate.db'), join(disk, 'aside'));
    },
    async end(disk) {
      renameSync(join(disk, 'aside'), join(disk, 'data', 'verigate.db'));
    },
  },
];
