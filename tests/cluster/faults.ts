/**
 * What a Redis or a MongoDB may refuse, and what an operator is told of it. Each fault is a row of the table in
 * docs/operations.md, and is made by the tests beside this file.
 */
import { mkdirSync, rmSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { mongo } from 'mongoose';

export interface ServerFault<Admin> {
  /** The name of its row, behind that of the server. */
  readonly title: string;
  readonly reason: string;
  /** Which of several comes first is chance. */
  readonly codes: readonly string[];
  /** As `/readyz` names it. */
  readonly named: string;
  /** What the hint has to name, where the code does not suffice. */
  readonly hint?: RegExp;
  /** Takes seconds: left to the thorough run. */
  readonly isSlow?: true;
  begin(admin: Admin): Promise<unknown>;
  end(admin: Admin): Promise<unknown>;
}

export type RedisFault = ServerFault<Redis>;

/** The gateways' connections have to be made anew. */
async function disconnectOthers(admin: Redis): Promise<void> {
  for (const type of ['normal', 'pubsub'])
    await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes').catch(() => undefined);
}

/** Begins a command that is answered late, or never, on a connection of its own. */
function beginOn(admin: Redis, command: string, ...args: readonly string[]): void {
  const other = admin.duplicate();
  other.on('error', () => undefined);
  const end = () => other.disconnect();
  other.call(command, ...args).then(end, end);
}

/** The directory of a Redis is deleted: its process can write nothing there. */
function missingDirectory(): Pick<RedisFault, 'begin' | 'end'> {
  let directory = '';
  return {
    async begin(admin) {
      directory = ((await admin.config('GET', 'dir')) as string[])[1] ?? '';
      await admin.config('SET', 'save', '3600 1000000');
      rmSync(directory, { recursive: true });
      await admin.call('BGSAVE');
    },
    async end(admin) {
      mkdirSync(directory);
      await admin.config('SET', 'dir', directory);
      await admin.call('BGSAVE');
      await admin.config('SET', 'save', '');
    },
  };
}

/** Runs in the server until it is killed. */
const ENDLESS = 'while true do end';
/** Keys, and microseconds for each: as long as a large data set takes. */
const LOADED = { keys: 3_000, delayUs: 1_000 };

export const REDIS_FAULTS: readonly RedisFault[] = [
  {
    title: '`maxmemory` is reached',
    reason: 'out_of_memory',
    codes: ['OOM'],
    named: 'out_of_memory',
    begin: (admin) => admin.config('SET', 'maxmemory', '1'),
    end: (admin) => admin.config('SET', 'maxmemory', '0'),
  },
  {
    title: 'has become a replica',
    reason: 'read_only',
    codes: ['READONLY'],
    named: 'read_only',
    begin: (admin) => admin.replicaof('127.0.0.1', '1'),
    end: (admin) => admin.replicaof('NO', 'ONE'),
  },
  {
    title: 'is a replica without its primary',
    reason: 'refused',
    codes: ['MASTERDOWN'],
    named: 'redis',
    isSlow: true,
    async begin(admin) {
      await admin.config('SET', 'replica-serve-stale-data', 'no');
      await admin.replicaof('127.0.0.1', '1');
    },
    async end(admin) {
      await admin.replicaof('NO', 'ONE');
      await admin.config('SET', 'replica-serve-stale-data', 'yes');
    },
  },
  {
    title: 'has too few replicas',
    reason: 'read_only',
    codes: ['NOREPLICAS'],
    named: 'read_only',
    begin: (admin) => admin.config('SET', 'min-replicas-to-write', '1'),
    end: (admin) => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  {
    title: 'cannot write its own files',
    reason: 'disk_full',
    codes: ['MISCONF'],
    named: 'disk_full',
    ...missingDirectory(),
  },
  {
    title: 'the user may not run scripts',
    reason: 'forbidden',
    codes: ['NOPERM'],
    named: 'forbidden',
    hint: /docs\/operations\.md/,
    begin: (admin) => admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval'),
    end: (admin) => admin.call('ACL', 'SETUSER', 'default', '+@all'),
  },
  {
    title: 'the user may not use a channel or a key',
    reason: 'forbidden',
    codes: ['NOPERM'],
    named: 'forbidden',
    hint: /the user may not run PUBLISH file_emails:probe$/,
    begin: (admin) =>
      admin.call(
        'ACL',
        'SETUSER',
        'default',
        'resetchannels',
        '&email_validation_results',
        '&t*',
        '&file_s*',
      ),
    end: (admin) => admin.call('ACL', 'SETUSER', 'default', 'allchannels'),
  },
  {
    title: 'asks for a password that `REDIS_URL` lacks',
    reason: 'forbidden',
    codes: ['NOAUTH'],
    named: 'forbidden',
    hint: /REDIS_URL needs a password/,
    isSlow: true,
    async begin(admin) {
      await admin.config('SET', 'requirepass', 'hunter2');
      await disconnectOthers(admin);
    },
    end: (admin) => admin.config('SET', 'requirepass', ''),
  },
  {
    title: '`email_validation_results:stream` is no stream',
    reason: 'refused',
    codes: ['WRONGTYPE'],
    named: 'redis',
    hint: /the key email_validation_results:stream holds something else/,
    async begin(admin) {
      await admin.del('email_validation_results:stream');
      await admin.set('email_validation_results:stream', 'something else');
    },
    end: (admin) => admin.del('email_validation_results:stream'),
  },
  {
    title: 'runs a script of another client for too long',
    reason: 'refused',
    codes: ['BUSY'],
    named: 'redis',
    async begin(admin) {
      await admin.config('SET', 'lua-time-limit', '50');
      beginOn(admin, 'EVAL', ENDLESS, '0');
    },
    end: (admin) => admin.call('SCRIPT', 'KILL'),
  },
  {
    title: 'reads its data from the disk',
    reason: 'refused',
    codes: ['LOADING'],
    named: 'redis',
    isSlow: true,
    async begin(admin) {
      await admin.call('DEBUG', 'POPULATE', String(LOADED.keys), 'loaded');
      await admin.config('SET', 'key-load-delay', String(LOADED.delayUs));
      await admin.config('SET', 'loading-process-events-interval-bytes', '1024');
      beginOn(admin, 'DEBUG', 'RELOAD');
    },
    async end(admin) {
      await admin.config('SET', 'key-load-delay', '0').catch(() => undefined);
    },
  },
  {
    title: 'has too many clients',
    reason: 'unreachable',
    codes: ['MAXCLIENTS', 'ECONNRESET', 'EPIPE', 'CLOSED'],
    named: 'redis',
    isSlow: true,
    async begin(admin) {
      await admin.config('SET', 'maxclients', '3');
      await disconnectOthers(admin);
    },
    end: (admin) => admin.config('SET', 'maxclients', '10000'),
  },
];

/** `failCommand` makes the server answer with the code; what it would really be full of, it is not. */
const answers = (
  title: string,
  reason: string,
  code: string,
  errorCode: number,
  isSlow?: true,
): MongoFault => {
  const fail = (admin: mongo.Db, mode: object | string) =>
    admin.command({
      configureFailPoint: 'failCommand',
      mode,
      data: { failCommands: ['insert', 'update'], errorCode },
    });
  return {
    title,
    reason,
    codes: [code],
    named: reason,
    ...(isSlow && { isSlow }),
    begin: (admin) => fail(admin, 'alwaysOn'),
    end: (admin) => fail(admin, 'off'),
  };
};

export type MongoFault = ServerFault<mongo.Db>;

export const MONGO_FAULTS: readonly MongoFault[] = [
  answers('has no room on its disk', 'disk_full', 'OutOfDiskSpace', 14031),
  answers('is not the primary', 'read_only', 'NotWritablePrimary', 10107),
  answers('has too little memory', 'out_of_memory', 'ExceededMemoryLimit', 146, true),
  answers('the user has no role to write', 'forbidden', 'Unauthorized', 13),
];
