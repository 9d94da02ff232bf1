import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from '@jest/globals';
import { onTeardown } from '../support/teardown.js';
import { eventually } from '../support/wait.js';

const PROGRAM = 'haproxy';
const CONFIG = 'deploy/haproxy.cfg';

const hasProgram = spawnSync(PROGRAM, ['-v'], { stdio: 'ignore' }).status === 0;
const isRequired = process.env.REQUIRE_SERVICES === '1' || process.env.CI === 'true';

/** Tests behind the load balancer of docker-compose.yml; skipped, and said so, where it is not on the PATH. */
export function describeBalancer(name: string, tests: () => void): void {
  const reason = `${PROGRAM} is not on the PATH`;
  if (hasProgram) describe(name, tests);
  else if (isRequired) {
    describe(name, () => {
      it('has a load balancer to run on', () => {
        throw new Error(reason);
      });
    });
  } else {
    process.stderr.write(`SKIPPED: ${name}: ${reason}\n`);
    describe.skip(name, tests);
  }
}

/** The real program with the real configuration, in front of two gateways; ended after the test. */
export async function startBalancer(gateways: readonly [string, string]): Promise<string> {
  const [one, two] = gateways.map((url) => new URL(url).host);
  const port = await freePort();
  const child = spawn(PROGRAM, ['-db', '-f', CONFIG], {
    env: {
      PATH: process.env.PATH,
      GATEWAY_1: one,
      GATEWAY_2: two,
      BALANCER_CONNECTIONS: '1000',
      BALANCER_ADDRESS: `127.0.0.1:${port}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const exited = once(child, 'exit');
  onTeardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => {
    const { status } = await fetch(`${url}/balancer`).catch(() => ({ status: 0 }));
    if (status !== 200) throw new Error(`${PROGRAM} is not ready: ${status} ${said}`);
  });
  return url;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
