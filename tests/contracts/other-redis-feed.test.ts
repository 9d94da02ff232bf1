/** The feed on other servers of Redis' protocol than the one on the PATH: Redis 6.2 and Valkey, where they can be had. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, test } from '@jest/globals';
import { RedisFeed } from '../../src/feed/redis-feed.js';
import { describeWhere } from '../support/describe-where.js';
import { isThorough } from '../support/effort.js';
import { otherServers, RedisServer, randomPrefix } from '../support/redis-server.js';
import { describeFeed } from './feed-contract.js';

const versionOf = (program: string) => spawnSync(program, ['--version'], { encoding: 'utf8' });
/** The ordinary run leaves the packages' servers out. */
const others = isThorough ? otherServers() : [];
const programs = versionOf('valkey-server').status === 0 ? ['valkey-server', ...others] : others;

if (programs.length === 0) {
  process.stderr.write(
    'SKIPPED: the feed on other servers: no valkey-server, and REDIS_SERVERS is left to the thorough run\n',
  );
  test.skip('the feed on other servers', () => undefined);
}

for (const program of programs) {
  const { status, stdout } = versionOf(program);
  const version = /(\S+) server v=[\d.]+/i.exec(stdout ?? '')?.[0] ?? program;
  describeWhere(status === 0, `${program} cannot be run`, `on ${version}`, () => {
    let server: RedisServer | undefined;
    beforeAll(async () => {
      server = await RedisServer.start({ program });
    });
    afterAll(() => server?.stop());
    describeFeed('RedisFeed', async (limits) => {
      const feed = new RedisFeed({ redis: server?.url ?? '', prefix: randomPrefix(), ...limits });
      return { feed, dispose: () => feed.close() };
    });
  });
}
