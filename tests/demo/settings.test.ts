import { describe, expect, test } from '@jest/globals';
import { describe as describeSettings, readSettings, UsageError } from '../../demo/cli/settings.js';
import { DEMO_SETTINGS } from '../../demo/settings.js';
import {
  FAULT_SETTINGS,
  SERVER_SETTINGS,
  serverOptions,
  WORK_SETTINGS,
  workOptions,
} from '../../demo/validator/settings.js';

const ALL = { ...SERVER_SETTINGS, ...WORK_SETTINGS, ...FAULT_SETTINGS };
const read = (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const values = readSettings(ALL, args, env);
  if (values === null) throw new Error('help was not asked for');
  return values;
};

describe('settings', () => {
  test('have defaults', () => {
    expect(read([])).toMatchObject({
      rate: 60,
      workers: 4,
      port: 8000,
      repeat: 0,
      gateway: 'http://127.0.0.1:3000',
    });
  });

  test('come from flags, then from the environment; an empty variable is not set', () => {
    expect(read(['--rate', '7'], { SIM_RATE: '8', SIM_WORKERS: '2', SIM_EVERY: '' })).toMatchObject({
      rate: 7,
      workers: 2,
      every: 5,
    });
  });

  test('become options', () => {
    const values = read(['--hole', '0.5', '--every=3', '--base-path', '/', '--limit', '0']);
    expect(workOptions(values)).toMatchObject({ publishEvery: 3, faults: { hole: 0.5, repeat: 0 } });
    expect(serverOptions(values)).toMatchObject({ basePath: '', submissionsPerMinute: 0 });
  });

  test.each([
    [['--rate', 'fast'], '--rate: must be a number from 0 to 1000000, not "fast"'],
    [['--rate=-1'], '--rate: must be a number from 0 to 1000000, not "-1"'],
    [['--workers', '0'], '--workers: must be a whole number from 1 to 1000, not "0"'],
    [['--workers', '1.5'], '--workers: must be a whole number from 1 to 1000, not "1.5"'],
    [['--silence', '1.01'], '--silence: must be a number from 0 to 1, not "1.01"'],
    [['--port', '65536'], '--port: must be a whole number from 0 to 65535, not "65536"'],
    [['--gateway', 'localhost:3000'], '--gateway: must be a URL that begins with http:// or https://'],
    [['--base-path', 'api'], '--base-path: must be a path like /api/v1'],
    [['--key', 'two words'], '--key: must be printable ASCII without blanks'],
    [['--host', ''], '--host: must be a host name'],
    [['--redis', 'localhost:6379'], '--redis: must be a URL that begins with redis:// or rediss://'],
    [['--speed', '1'], "Unknown option '--speed'"],
    [['file.txt'], "Unexpected argument 'file.txt'"],
  ])('%j is refused', (args, message) => {
    expect(() => read(args)).toThrow(UsageError);
    expect(() => read(args)).toThrow(message);
  });

  test('say where updates are published', () => {
    const url = 'redis://127.0.0.1:6379';
    expect(serverOptions(read([])).redis).toBeNull();
    expect(serverOptions(read(['--redis', url, '--stream'])).redis).toEqual({
      url,
      isStream: true,
      streamShards: 1,
    });
    expect(serverOptions(read([], { REDIS_URL: url })).redis).toEqual({
      url,
      isStream: false,
      streamShards: 1,
    });
    const cluster = 'redis-cluster://node-1:6379,node-2:6379';
    expect(serverOptions(read(['--redis', cluster, '--stream', '--stream-shards', '4'])).redis).toEqual({
      url: cluster,
      isStream: true,
      streamShards: 4,
    });
    expect(() => serverOptions(read(['--stream']))).toThrow(new UsageError('--stream: needs --redis'));
  });

  test('a wrong variable is named', () => {
    expect(() => read([], { SIM_HOLE: 'often' })).toThrow(
      'SIM_HOLE: must be a number from 0 to 1, not "often"',
    );
  });

  test('help lists every setting, with its variable and its default', () => {
    expect(readSettings(ALL, ['--help'], {})).toBeNull();
    expect(readSettings(ALL, ['-h'], { SIM_RATE: 'wrong' })).toBeNull();
    const text = describeSettings(ALL);
    for (const [name, { variable }] of Object.entries(ALL))
      expect(text).toMatch(new RegExp(`--${name} .*${variable}`));
    expect(text).toContain('(SIM_RATE, default 60)');
  });

  test("of the demo: the port and the directory are the gateway's own variables", () => {
    const values = readSettings(DEMO_SETTINGS, ['--verbose'], { PORT: '0', DATA_DIR: '/tmp/x' });
    expect(values).toMatchObject({
      port: '0',
      'data-dir': '/tmp/x',
      verbose: true,
      addresses: 5000,
      rate: 60,
    });
    expect(() => readSettings(DEMO_SETTINGS, [], { PORT: 'http' })).toThrow('PORT: must be a whole number');
  });
});
