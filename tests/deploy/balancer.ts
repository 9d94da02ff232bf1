/** Starts the load balancer of docker-compose.yml for tests. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describeWhere } from '../support/describe-where.js';
import { freePort } from '../support/free-port.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';

const PROGRAM = 'haproxy';
const CONFIG = 'deploy/haproxy.cfg';

const hasProgram = spawnSync(PROGRAM, ['-v'], { stdio: 'ignore' }).status === 0;

/** Tests behind the load balancer. Without the program they are skipped with a message. */
export const describeBalancer = (name: string, tests: () => void): void =>
  describeWhere(hasProgram, `${PROGRAM} is not on the PATH`, name, tests);

/** The real program with the real configuration in front of two gateways. It is stopped after the test. */
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
  await retry(async () => {
    const { status } = await fetch(`${url}/balancer`).catch(() => ({ status: 0 }));
    if (status !== 200) throw new Error(`${PROGRAM} is not ready: ${status} ${said}`);
  });
  return url;
}
