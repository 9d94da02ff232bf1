/** TLS at one end of the connection to Redis only, and a certificate that is not trusted. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { expect, test } from '@jest/globals';
import type { Fault } from '../../src/errors.js';
import { openFeed } from '../feed/redis-harness.js';
import { describeWhere } from '../support/describe-where.js';
import { describeWithOwnRedis } from '../support/redis-server.js';
import { onTeardown, temporaryDirectory } from '../support/teardown.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A self-signed certificate for 127.0.0.1. */
function certificate(): { key: Buffer; cert: Buffer } {
  const directory = temporaryDirectory();
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name)) as [string, string];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  spawnSync('openssl', [...request, '-keyout', key, '-out', cert, '-days', '2', ...names]);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** TLS in front of a server, as a proxy gives it. @returns its port */
async function behindTls(port: number): Promise<number> {
  const server = createServer(certificate(), (socket) => {
    const inner = connect(port, '127.0.0.1');
    for (const end of [socket, inner]) end.on('error', () => undefined);
    socket.pipe(inner).pipe(socket);
    socket.once('close', () => inner.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function refusalAt(url: string) {
  const feed = openFeed(url, 'verigate:', { timeoutMs: 500 });
  const error: Fault = await feed.probe().then(
    () => {
      throw new Error('it is usable');
    },
    (reason: Fault) => reason,
  );
  return error.refusal;
}

describeWhere(hasOpenssl, 'there is no openssl', 'TLS', () => {
  describeWithOwnRedis('between a gateway and Redis', (start) => {
    test('is told where the server has none', async () => {
      const { port } = await start();
      expect(await refusalAt(`rediss://127.0.0.1:${port}`)).toMatchObject({
        reason: 'unreachable',
        code: 'ETIMEDOUT',
        hint: expect.stringContaining('TLS'),
      });
    });

    test('is told where REDIS_URL has none', async () => {
      const port = await behindTls((await start()).port);
      expect(await refusalAt(`redis://127.0.0.1:${port}`)).toMatchObject({
        reason: 'unreachable',
        hint: expect.stringContaining('TLS'),
      });
    });

    test('is told where the certificate is not trusted', async () => {
      const port = await behindTls((await start()).port);
      expect(await refusalAt(`rediss://127.0.0.1:${port}`)).toMatchObject({
        reason: 'unreachable',
        code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
    });
  });
});
