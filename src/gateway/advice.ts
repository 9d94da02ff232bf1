/** Warns about settings of the host and of the servers that work now and will fail later. */

import { readFileSync, statfsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.js';
import type { Advice, Engine } from '../engine/engine.js';
import type { Logger } from '../logger.js';

/** Until the servers can be asked. */
const RETRY_MS = 10_000;
/** Files, databases and the standard streams. */
const OTHER_DESCRIPTORS = 100;

/** File systems over a network, by their magic numbers (statfs(2)): locks and `fsync` are not what SQLite relies on. */
const NETWORK_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  16914839: '9P',
  12805120: 'Ceph',
  1397113167: 'AFS',
};

/** Logs what this machine says at once, and what the servers say once they answer. */
export async function warnOfSettings(
  config: Config,
  engine: Pick<Engine, 'advice'>,
  logger: Logger,
  closing: AbortSignal,
): Promise<void> {
  const local = [...adviceOnDescriptors(config.MAX_CONNECTIONS), ...adviceOnDirectory(config)];
  for (const { setting, advice } of local) logger.warn({ setting }, advice);
  while (!closing.aborted) {
    try {
      for (const { setting, advice } of await engine.advice()) logger.warn({ setting }, advice);
      return;
    } catch {
      // The server is away, which is logged elsewhere.
      await pause(RETRY_MS, undefined, { signal: closing, ref: false }).catch(() => undefined);
    }
  }
}

/** `limits`: as Linux says them of this process; elsewhere there are none. */
export function adviceOnDescriptors(maxConnections: number, limits = readLimits()): Advice[] {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (soft === undefined || Number(soft) >= maxConnections + OTHER_DESCRIPTORS) return [];
  return [
    {
      setting: 'MAX_CONNECTIONS',
      advice: `the process may open ${soft} files, fewer than MAX_CONNECTIONS (${maxConnections}) needs: raise the limit (ulimit -n, LimitNOFILE), or lower MAX_CONNECTIONS`,
    },
  ];
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

export function adviceOnDirectory(
  { ENGINE, DATA_DIR }: Pick<Config, 'ENGINE' | 'DATA_DIR'>,
  typeOf = fileSystemOf,
): Advice[] {
  const name = ENGINE === 'embedded' ? NETWORK_FILE_SYSTEMS[typeOf(DATA_DIR)] : undefined;
  if (name === undefined) return [];
  return [
    {
      setting: 'DATA_DIR',
      advice: `DATA_DIR is on a network file system (${name}): a crash there can damage the database; use a local disk`,
    },
  ];
}

const fileSystemOf = (directory: string): number => statfsSync(directory).type;
