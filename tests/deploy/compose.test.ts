import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { variables } from '../../src/config.js';
import { freePort } from '../support/free-port.js';
import { describeWithOwnRedis, plainClient } from '../support/redis-server.js';
import { temporaryDirectory } from '../support/teardown.js';
import { readCompose, type Service } from './files.js';

const { services, networks } = readCompose();
const all = Object.entries(services);
const gateways = all.filter(([, { environment }]) => environment?.MONGODB_URI !== undefined);
const DATABASES = ['mongo', 'redis'];
/** Of the profile `cluster`. */
const NODES = [1, 2, 3, 4, 5, 6].map((number) => `redis-${number}`);

describe('docker-compose.yml', () => {
  test('has two gateways, both databases, a balancer and a validator', () => {
    expect(gateways.map(([name]) => name)).toEqual(['gateway-1', 'gateway-2']);
    expect(Object.keys(services)).toEqual(expect.arrayContaining([...DATABASES, 'balancer', 'validator']));
  });

  test.each(all)('pins the version of %s', (_, { image = '', build }) => {
    expect(image).toMatch(/^[a-z]+:\d+\.\d+\.\d+(-[a-z]+)?(@sha256:[0-9a-f]{64})?$/);
    // Those of others by their content; one image, wherever it stands.
    if (build === undefined) expect(image).toContain('@sha256:');
    for (const [, other] of all) {
      const [name, digest] = (other.image ?? '').split('@');
      if (name === image.split('@')[0]) expect(digest).toBe(image.split('@')[1]);
    }
  });

  test('gives its own images the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const own = all.filter(([, { build }]) => build !== undefined);
    expect(own.map(([name]) => name)).toEqual(['gateway-1', 'gateway-2', 'validator']);
    for (const [, { image }] of own) expect(image).toBe(`verigate:${version}`);
  });

  test('publishes one port, on loopback: the balancer\u2019s', () => {
    const published = all.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published).toEqual([['balancer', expect.stringMatching(/^127\.0\.0\.1:/)]]);
  });

  test('has a Redis Cluster in a profile of its own, which takes the place of the one Redis', () => {
    const inProfile = all.filter(([, { profiles }]) => profiles !== undefined);
    expect(inProfile.map(([name, { profiles }]) => [name, profiles])).toEqual(
      NODES.map((name) => [name, ['cluster']]),
    );
    const users = all.flatMap(([, { environment }]) => environment?.REDIS_URL ?? []);
    expect(users).toEqual(users.map(() => expect.stringMatching(/^\$\{REDIS_URL:-redis:\/\/redis:6379\}$/)));
    expect(users).toHaveLength(3);
  });

  test.each([...DATABASES, ...NODES])('keeps %s on an internal network', (name) => {
    expect(services[name]?.networks).toEqual(['back']);
    expect(networks.back).toEqual({ internal: true });
    expect(services.balancer?.networks).toEqual(['front']);
  });

  test.each(all)('gives %s no more rights and resources than it needs', (_, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.cap_add).toBeUndefined();
    expect(service.privileged).toBeUndefined();
    expect(Object.keys(service.deploy?.resources.limits ?? {}).sort()).toEqual(['cpus', 'memory', 'pids']);
  });

  test.each(all)('checks the health of %s', (_, { healthcheck }) => {
    expect(healthcheck?.test[0]).toBe('CMD');
  });

  test('starts no service before the services it needs are healthy', () => {
    const needs = Object.fromEntries(
      all.map(([name, { depends_on = {} }]) => [name, Object.keys(depends_on)]),
    );
    expect(needs).toMatchObject({
      balancer: ['gateway-1', 'gateway-2'],
      'gateway-1': [...DATABASES, 'redis-1'],
      'gateway-2': [...DATABASES, 'redis-1'],
      'redis-1': NODES.slice(1),
    });
    for (const [, { depends_on = {} }] of all) {
      for (const { condition } of Object.values(depends_on)) expect(condition).toBe('service_healthy');
    }
  });

  test.each(gateways)('sets no variable that %s does not read', (_, { environment = {}, env_file }) => {
    const unknown = Object.keys(environment).filter((name) => !(name in variables));
    expect(unknown).toEqual([]);
    expect(env_file).toEqual(['.env']);
  });

  test('holds no secret, and requires those that it needs', () => {
    for (const [, { environment = {} }] of all) {
      for (const [name, value] of Object.entries(environment)) {
        if (/KEY$|SECRET|PASSWORD|TOKEN|^AUTH$/.test(name)) expect(value).toMatch(/^\$\{\w+:\?.+\}$/);
      }
    }
    expect(services['gateway-1']?.environment?.AUTH).toMatch(/^\$\{AUTH:\?/);
  });

  test('gives gateways more time to close than they need', () => {
    const seconds = Number(/^(\d+)s$/.exec(services['gateway-1']?.stop_grace_period ?? '')?.[1]);
    expect(seconds * 1000).toBeGreaterThan(variables.SHUTDOWN_TIMEOUT_MS.parse(undefined));
  });

  test("sets the variables of the balancer's configuration", () => {
    const text = readFileSync('deploy/haproxy.cfg', 'utf8');
    const asked = new Set([...text.matchAll(/"\$(\w+)"/g)].map(([, name]) => name));
    expect(new Set(Object.keys(services.balancer?.environment ?? {}))).toEqual(asked);
  });

  const isThere = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' }).status === 0;
  if (!isThere)
    process.stderr.write('SKIPPED: docker-compose.yml as docker compose reads it: docker is not installed\n');
  (isThere ? describe : describe.skip)('as docker compose reads it', () => {
    const config = (settings: string) => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, '.env'), settings);
      const args = [
        'compose',
        '--profile',
        'cluster',
        '--project-directory',
        directory,
        '-f',
        'docker-compose.yml',
        'config',
      ];
      const env = { PATH: process.env.PATH, HOME: process.env.HOME };
      return spawnSync('docker', [...args, '--format', 'json'], { env, encoding: 'utf8' });
    };

    test('is refused without AUTH', () => {
      const { status, stderr } = config('VALIDATOR_API_KEY=k\n');
      expect(status).not.toBe(0);
      expect(stderr).toContain('AUTH');
    });

    test('is read as here, and passes the other variables of .env on', () => {
      const { status, stdout, stderr } = config('AUTH=jwt\nVALIDATOR_API_KEY=k\nFLUSH_INTERVAL_MS=250\n');
      expect([status, stderr]).toEqual([0, '']);
      const seen = (JSON.parse(stdout) as { services: Record<string, Service> }).services;
      expect(Object.keys(seen).sort()).toEqual(Object.keys(services).sort());
      const given = { AUTH: 'jwt', VALIDATOR_API_KEY: 'k', FLUSH_INTERVAL_MS: '250', HOST: '0.0.0.0' };
      expect(seen['gateway-2']?.environment).toMatchObject(given);
    });
  });
});

describeWithOwnRedis('the Redis of docker-compose.yml', (start) => {
  test('accepts its settings', async () => {
    const { url } = await start({ settings: services.redis?.command?.slice(1) ?? [] });
    const client = plainClient(url);
    const setting = async (name: string) => ((await client.config('GET', name)) as string[])[1];
    expect(await setting('maxmemory-policy')).toBe('noeviction');
    expect(await setting('maxmemory')).toBe(String(2 ** 30));
    expect(await setting('appendonly')).toBe('yes');
    const mib = 2 ** 20;
    expect(await setting('client-output-buffer-limit')).toContain(`pubsub ${128 * mib} ${64 * mib} 60`);
  });
});

describeWithOwnRedis('a node of the cluster of docker-compose.yml', (start) => {
  test('accepts its settings', async () => {
    const bus = await freePort();
    const settings = [...(services['redis-1']?.command?.slice(1) ?? []), '--cluster-port', `${bus}`];
    const client = plainClient((await start({ settings })).url);
    expect(await client.call('cluster', 'info')).toContain('cluster_known_nodes:1');
    expect(await client.config('GET', 'cluster-preferred-endpoint-type')).toEqual([
      'cluster-preferred-endpoint-type',
      'hostname',
    ]);
    expect(await client.config('SET', 'cluster-announce-hostname', 'redis-1')).toBe('OK');
  });
});
