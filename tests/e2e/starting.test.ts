import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { spawnGateway, temporaryDirectory } from '../support/gateway.js';
import { type Ended, parsed, runToEnd } from '../support/process.js';
import { Producer } from '../support/producer.js';

/** The last log line, as an operator sees it. */
function lastWord({ code, lines, stderr }: Ended): { code: number | null; level: unknown; says: string } {
  expect(stderr).toBe('');
  expect(JSON.stringify(lines)).not.toMatch(/ {4}at |node_modules/);
  const { level, msg } = lines.at(-1) ?? {};
  return { code, level, says: String(msg) };
}

describe('a wrong configuration', () => {
  const wrong: Record<string, NodeJS.ProcessEnv> = {
    'PORT is no number': { PORT: '80a' },
    'PORT is out of range, LOG_LEVEL unknown': { PORT: '65536', LOG_LEVEL: 'loud' },
    'FLUSH_INTERVAL_MS is in another notation, MAX_BUFFERED_BYTES too small': {
      FLUSH_INTERVAL_MS: '1e3',
      MAX_BUFFERED_BYTES: '1',
    },
    'ENGINE is unknown': { ENGINE: 'postgres' },
    'REDIS_URL is missing beside the other': { MONGODB_URI: 'mongodb://127.0.0.1/verigate' },
    'MONGODB_URI is missing beside the other': { REDIS_URL: 'redis://127.0.0.1' },
    'CORS_ORIGINS is no list of origins': { CORS_ORIGINS: 'example.com' },
    'VALIDATOR_URL is no address': { VALIDATOR_URL: 'ftp://example.com' },
    'AUTH is not set beyond loopback': { HOST: '0.0.0.0' },
  };
  const variables = /\b[A-Z][A-Z_]{3,}\b/g;

  test.each(Object.entries(wrong))('is refused and each variable is named: %s', (name, env) => {
    let refusal: unknown;
    try {
      readConfig(env);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ exitCode: 78 });
    for (const variable of name.match(variables) ?? []) expect(String(refusal)).toContain(variable);
  });

  test.each(['::', '192.0.2.1', 'example.com', '127.0.0.1.example.com'])(
    'HOST=%s needs AUTH set by hand',
    (HOST) => {
      expect(() => readConfig({ HOST })).toThrow('AUTH');
      expect(readConfig({ HOST, AUTH: 'none' })).toMatchObject({ HOST, AUTH: 'none' });
    },
  );

  test('ends the process with exit code 78 before anything is opened', async () => {
    const env = { HOST: '0.0.0.0', PORT: '65536', DATA_DIR: join(temporaryDirectory(), 'new') };
    const { code, level, says } = lastWord(await runToEnd(env));
    expect({ code, level }).toEqual({ code: 78, level: 'fatal' });
    expect(says).toContain('PORT');
    expect(existsSync(env.DATA_DIR)).toBe(false);
  });

  test('AUTH=none, set explicitly, allows other addresses and is logged', async () => {
    const gateway = await spawnGateway({ HOST: '0.0.0.0', AUTH: 'none', MAX_CONECTIONS: 'hunter2' });
    // 0.0.0.0 is where it listens, not a name of its own.
    const url = gateway.url.replace('0.0.0.0', '127.0.0.1');
    expect((await new Producer(url).get('/readyz')).status).toBe(200);
    expect(gateway.log.join('\n')).toContain('"auth":"none"');
    expect(parsed(gateway.log)).toContainEqual(
      expect.objectContaining({ level: 'warn', variable: 'MAX_CONECTIONS', like: 'MAX_CONNECTIONS' }),
    );
    expect(gateway.log.join('\n')).not.toContain('hunter2');
  });
});

describe('a start fails because of', () => {
  test('another program on its port', async () => {
    const first = await spawnGateway();
    const { port } = new URL(first.url);
    const { code, level, says } = lastWord(await runToEnd({ PORT: port }));
    expect({ code, level }).toEqual({ code: 69, level: 'fatal' });
    expect(says).toContain(`127.0.0.1:${port}`);
    expect((await new Producer(first.url).get('/readyz')).status).toBe(200);
  });

  test('another gateway on its directory, as long as that runs', async () => {
    const DATA_DIR = temporaryDirectory();
    const first = await spawnGateway({ DATA_DIR });
    const { code, level, says } = lastWord(await runToEnd({ DATA_DIR }));
    expect({ code, level }).toEqual({ code: 75, level: 'fatal' });
    expect(says).toContain(DATA_DIR);
    expect((await new Producer(first.url).get('/api/files')).status).toBe(200);
    await first.end('SIGKILL');
    const second = await spawnGateway({ DATA_DIR });
    expect((await new Producer(second.url).get('/readyz')).status).toBe(200);
  });

  test('a file where its directory should be', async () => {
    const DATA_DIR = join(temporaryDirectory(), 'a-file');
    writeFileSync(DATA_DIR, 'not a directory');
    const { code, level, says } = lastWord(await runToEnd({ DATA_DIR }));
    expect({ code: code === 0, level }).toEqual({ code: false, level: 'fatal' });
    expect(says).toContain(DATA_DIR);
  });
});
