/** Small disks of a test's own, to be filled. They need the right to mount; without it their tests are skipped loudly. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describeWhere } from './describe-where.js';
import { onTeardown, temporaryDirectory } from './teardown.js';

export const MIB = 2 ** 20;

const probe = spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs tmpfs $d && umount $d && rmdir $d']);

export const describeWithDisk = (name: string, tests: () => void): void =>
  describeWhere(probe.status === 0, 'it needs the right to mount a disk', name, tests);

export function smallDisk(bytes: number): string {
  const disk = temporaryDirectory();
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', disk]);
  if (status !== 0) throw new Error(`no disk was mounted: ${stderr}`);
  onTeardown(() => spawnSync('umount', ['-l', disk]));
  return disk;
}

const ballastOn = (disk: string): string => join(disk, 'ballast');

/** Fills a disk but for some bytes, whatever else is written to it meanwhile. */
export function fillUp(disk: string, butFor = 0): void {
  const { bavail, bsize } = statfsSync(disk);
  const ballast = openSync(ballastOn(disk), 'a');
  try {
    if (butFor === 0) for (;;) writeSync(ballast, Buffer.alloc(MIB));
    else writeSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - butFor)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(ballast);
  }
}

export const makeRoom = (disk: string): void => rmSync(ballastOn(disk));
