import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Fault } from '../../src/errors.js';
import { createClient } from '../../src/redis/client.js';
import { Connection } from '../../src/redis/connection.js';
import { needsNewConnection, refusalOf } from '../../src/redis/refusals.js';
import { openFeed } from '../feed/redis-harness.js';
import { describeWithOwnRedis, describeWithRedis6, plainClient } from '../support/redis-server.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });
const told = (message: string): string => {
  const { reason, code } = refusalOf(reply(message));
  return `${reason} ${code}`;
};

/** As Redis 6.2.5 wraps the errors of scripts. */
const in6 = (text: string) =>
  `ERR Error running script (call to f_caeeee01384f6b04384c56d69c27aa65287fb306): @user_script:1: @user_script: 1: ${text}`;

describe('a refusal of Redis', () => {
  it.each([
    ['READONLY', "READONLY You can't write against a read only replica.", 'read_only'],
    ['OOM', "OOM command not allowed when used memory > 'maxmemory'.", 'out_of_memory'],
    ['MISCONF', 'MISCONF Errors writing to the AOF file: No space left on device', 'disk_full'],
    ['NOPERM', "NOPERM this user has no permissions to run the 'eval' command", 'forbidden'],
    ['NOAUTH', 'NOAUTH Authentication required.', 'forbidden'],
    ['WRONGPASS', 'WRONGPASS invalid username-password pair or user is disabled.', 'forbidden'],
    ['LOADING', 'LOADING Redis is loading the dataset in memory', 'refused'],
    ['CLUSTERDOWN', 'CLUSTERDOWN Hash slot not served', 'refused'],
    [
      'MASTERDOWN',
      "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
      'refused',
    ],
    ['WRONGTYPE', 'WRONGTYPE Operation against a key holding the wrong kind of value', 'refused'],
    ['NOREPLICAS', 'NOREPLICAS Not enough good replicas to write.', 'read_only'],
  ])('is told by its code, wherever it stands: %s', (code, text, reason) => {
    expect(told(text)).toBe(`${reason} ${code}`);
    expect(told(`${text} script: f518810f90e1a12e3ae6de85f7f48f70cc1cd1e3, on @user_script:1.`)).toBe(
      `${reason} ${code}`,
    );
    expect(told(in6(`-${text}`))).toBe(`${reason} ${code}`);
  });

  it('is told by its text where it has no code of its own', () => {
    expect(told(in6("The user executing the script can't run this command or subcommand"))).toBe(
      'forbidden NOPERM',
    );
    expect(told('ERR max number of clients reached')).toBe('refused MAXCLIENTS');
    expect(told('ERR DB index is out of range')).toBe('refused DBINDEX');
    expect(told('SOMENEWCODE what is this')).toBe('refused SOMENEWCODE');
  });

  it('is told by what a client of a cluster, or of sentinels, passes on', () => {
    const last = reply('ERR This instance has cluster support disabled');
    const cluster = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: last });
    expect(refusalOf(cluster)).toMatchObject({
      code: 'NOCLUSTER',
      hint: expect.stringContaining('redis://'),
    });
    const sentinels = (said: string) =>
      refusalOf(
        new Error(`All sentinels are unreachable. Retrying from scratch after 10ms. Last error: ${said}`),
      );
    expect(
      sentinels("ERR unknown command 'sentinel', with args: 'get-master-addr-by-name' 'm'"),
    ).toMatchObject({
      code: 'NOSENTINEL',
    });
    expect(sentinels('NOAUTH Authentication required.')).toMatchObject({
      reason: 'forbidden',
      code: 'NOAUTH',
    });
    expect(sentinels('Connection is closed.')).toMatchObject({ reason: 'unreachable', code: 'SENTINELS' });
  });

  it('is not told by what Redis repeats of the command', () => {
    expect(told("ERR unknown command 'X', with args beginning with: 'OOM' 'jane@example.com'")).toBe(
      'refused ERR',
    );
    expect(refusalOf(new Error('Connection is closed.'))).toMatchObject({
      reason: 'unreachable',
      code: 'CLOSED',
    });
    expect(refusalOf(new Error('Command timed out'))).toMatchObject({ code: 'TIMEOUT' });
  });

  it('is met with a new connection where that may lead elsewhere', () => {
    expect(needsNewConnection(reply(in6('-READONLY You cannot')))).toBe(true);
    expect(needsNewConnection(reply("OOM command not allowed when used memory > 'maxmemory'."))).toBe(false);
  });

  it('has a hint where a certificate is not trusted', () => {
    const error = Object.assign(new Error('self-signed'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    expect(refusalOf(error)).toMatchObject({ hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') });
  });
});

describeWithRedis6('a Redis 6.2 that refuses', (redis) => {
  /** What a probe says while the server refuses, in the texts in which 6.2 wraps the errors of scripts. */
  async function refusalWhile(begin: string[], end: string[]) {
    const server = await redis();
    const admin = plainClient(server.url);
    const feed = openFeed(server.url, 'verigate:');
    await feed.probe();
    const call = (words: readonly string[]) => admin.call(words[0] ?? '', ...words.slice(1));
    await call(begin);
    const { refusal } = await feed.probe().then(
      () => ({ refusal: null }),
      (error: Fault) => error,
    );
    await call(end);
    await retry(() => feed.probe());
    return refusal ?? null;
  }

  it('for lack of memory', async () => {
    const refusal = await refusalWhile(
      ['CONFIG', 'SET', 'maxmemory', '1'],
      ['CONFIG', 'SET', 'maxmemory', '0'],
    );
    expect(refusal).toMatchObject({ reason: 'out_of_memory', code: 'OOM' });
  });

  it('for lack of a right within a script', async () => {
    const refusal = await refusalWhile(
      ['ACL', 'SETUSER', 'default', '-xadd'],
      ['ACL', 'SETUSER', 'default', '+@all'],
    );
    expect(refusal).toMatchObject({ reason: 'forbidden', code: 'NOPERM' });
  });

  it('for being a replica: it is left for whatever is at the address by then', async () => {
    const server = await redis();
    const admin = plainClient(server.url);
    const feed = openFeed(server.url, 'verigate:');
    await feed.probe();
    const connections = async () =>
      [...String(await admin.client('LIST')).matchAll(/id=(\d+) .*name=verigate-feed /g)].map(([, id]) => id);
    const [before] = await connections();
    await admin.replicaof('127.0.0.1', '1');
    await expect(feed.probe()).rejects.toMatchObject({ refusal: { reason: 'read_only', code: 'READONLY' } });
    await admin.replicaof('NO', 'ONE');
    await retry(() => feed.probe());
    const [after] = await connections();
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
  });
});

describeWithOwnRedis('a connection that cannot be set up', (redis) => {
  it('is made again with growing pauses, not at once for ever', async () => {
    const server = await redis();
    const admin = plainClient(server.url);
    const client = createClient(server.url, { name: 'test', timeoutMs: 1_000 });
    const connection = new Connection(client, {
      name: 'test',
      heartbeatMs: 1_000,
      warn: () => undefined,
      onConnect: (connected) => connected.incr('no-number'),
    });
    onTeardown(() => connection.close());
    await admin.set('no-number', 'x');
    await expect(connection.run(async () => undefined)).rejects.toMatchObject({ name: 'Fault' });
    const made = async () =>
      Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1] ?? 0);
    const before = await made();
    await pause(1_000);
    expect((await made()) - before).toBeLessThan(8);
    await admin.set('no-number', '1');
    await retry(() => connection.run(async () => undefined));
  });
});
