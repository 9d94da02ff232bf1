/** Ports for servers that cannot choose one themselves (port 0), or that must come back where they were. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below what systems give to outgoing connections (from 32768 on Linux, from 49152 elsewhere): while a server is down,
 * no connection can take its port. Even one that asks for that very server could, and would be connected to itself.
 */
const FIRST = 10_000;
const LAST = 32_767;
/** Test files that run side by side take ports of their own. */
const LANES = 16;
const LANE = Number(process.env.JEST_WORKER_ID ?? 0) % LANES;

const given = new Set<number>();

/** A port that was free a moment ago and that no other test is given. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + LANES * Math.floor((Math.random() * (LAST - FIRST)) / LANES) + LANE;
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
