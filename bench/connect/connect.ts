import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Listener, type ProtocolName } from '../load/listener.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import { type Figure, inTurns, ratios } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { Program } from '../support/program.js';
import { cpuOf } from '../support/usage.js';

const ONE_MESSAGE = fileURLToPath(new URL('./one-message.js', import.meta.url));
const STOCK = fileURLToPath(new URL('../fan-out/peers/stock.js', import.meta.url));
const FILE = 'connect';
const SOCKETS = 1_000;
const AT_ONCE = 20;
const WARM_UPS = 4;
const ROUNDS = 7;
/** For the server to notice that all connections have ended, which is no part of the figure. */
const AFTERMATH_MS = 500;

interface Server {
  readonly pid: number;
  readonly url: string;
  readonly protocol: ProtocolName;
  stop(): Promise<void>;
}

/** Benchmark: what does a connection cost that is accepted and subscribed, in multiples of a WebSocket with one message? */
export async function connect(): Promise<Figure[]> {
  const ours = await gateway();
  const stock = await peer(STOCK, 'socket.io');
  const floor = await peer(ONE_MESSAGE, 'json');
  try {
    for (const server of [ours, stock, floor]) for (let n = 0; n < WARM_UPS; n++) await costOfOne(server);
    const cpu = await inTurns(ROUNDS, {
      ours: () => costOfOne(ours),
      stock: () => costOfOne(stock),
      floor: () => costOfOne(floor),
    });
    return [
      {
        what: 'a connection, accepted and subscribed ÷ ws and one JSON message',
        unit: '×',
        values: ratios(cpu.ours, cpu.floor),
        goal: { atMost: 1.5 },
      },
      {
        what: 'Socket.IO as it comes, which joins a room ÷ the same',
        unit: '×',
        values: ratios(cpu.stock, cpu.floor),
      },
      { what: 'a connection, accepted and subscribed: CPU of the gateway', unit: 'µs', values: cpu.ours },
      { what: 'ws and one JSON message: CPU', unit: 'µs', values: cpu.floor },
    ];
  } finally {
    for (const server of [ours, stock, floor]) await server.stop();
  }
}

/** Its file has no results yet: what a snapshot weighs is not what a connection costs. */
async function gateway(): Promise<Server> {
  const { directory, remove } = emptyDataset();
  const env = { MAX_CONNECTIONS_PER_ADDRESS: String(2 * SOCKETS), MAX_HANDSHAKES_PER_SECOND: '100000' };
  const process = await GatewayProcess.start({ directory, env });
  const batches = ['batch-0', 'batch-1'].map((batchId) => ({ batchId, totalEmails: BATCH }));
  await process.post(`/api/files/${FILE}/batches`, JSON.stringify({ batches }));
  const { pid, url } = process;
  return { pid, url, protocol: 'socket.io', stop: () => process.stop().finally(remove) };
}

async function peer(script: string, protocol: ProtocolName): Promise<Server> {
  const program = await Program.start(process.execPath, script);
  return { pid: program.pid, url: program.url, protocol, stop: () => program.stop() };
}

/** CPU microseconds of the server until a socket has its answer. */
async function costOfOne({ pid, url, protocol }: Server): Promise<number> {
  const before = cpuOf(pid);
  const listeners: Listener[] = [];
  const connectSome = async () => {
    for (let n = 0; n < SOCKETS / AT_ONCE; n++) listeners.push(await Listener.connect(url, FILE, protocol));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, connectSome));
  const cost = ((cpuOf(pid) - before) * 1000) / SOCKETS;
  for (const listener of listeners) listener.end();
  await sleep(AFTERMATH_MS);
  return cost;
}
