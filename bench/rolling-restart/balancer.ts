/** Starts HAProxy with the configuration of `deploy/` in front of two gateways. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../tests/support/free-port.js';
import { killOnExit } from '../support/children.js';

const CONFIG = 'deploy/haproxy.cfg';
const LOOK_MS = 50;

export interface Balancer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startBalancer(one: string, two: string, connections: number): Promise<Balancer> {
  const port = await freePort();
  const child = spawn('haproxy', ['-db', '-f', CONFIG], {
    env: {
      PATH: process.env.PATH,
      GATEWAY_1: new URL(one).host,
      GATEWAY_2: new URL(two).host,
      BALANCER_CONNECTIONS: String(connections),
      BALANCER_ADDRESS: `127.0.0.1:${port}`,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  killOnExit(child);
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/balancer`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}`);
    await sleep(LOOK_MS);
  }
  return {
    url,
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
