import { type Figure, type Goal, inTurns, ratios } from '../support/figures.js';
import { Server } from '../support/servers.js';
import { isCentrifugoThere } from './centrifugo.js';
import { Peer } from './peer.js';
import type { Command } from './peers/commands.js';

interface Question {
  readonly what: string;
  readonly listeners: number;
  readonly command: Command;
  readonly goals: Readonly<Partial<Record<'floor' | 'stock', Goal>>>;
}

const ROUNDS = 5;
const WARM_UPS = 2;

const QUESTIONS: readonly Question[] = [
  {
    what: '300 B to 1,000',
    listeners: 1_000,
    command: { bytes: 300, events: 40, inOneTick: 1 },
    goals: { floor: { atMost: 1.4 } },
  },
  {
    what: '300 B to 5,000',
    listeners: 5_000,
    command: { bytes: 300, events: 8, inOneTick: 1 },
    goals: { floor: { atMost: 1.4 } },
  },
  {
    what: 'ten of 300 B in one tick to 1,000',
    listeners: 1_000,
    command: { bytes: 300, events: 100, inOneTick: 10 },
    goals: { stock: { atMost: 1 / 6 } },
  },
  {
    what: '20 kB to 1,000',
    listeners: 1_000,
    command: { bytes: 20_000, events: 10, inOneTick: 1 },
    goals: { floor: { atMost: 1.5 } },
  },
];

/**
 * Benchmark: what does an event cost for each listener, compared with other servers and with a program that only
 * writes?
 */
export async function fanOut(): Promise<Figure[]> {
  const redis = await Server.redis();
  try {
    const figures: Figure[] = [];
    for (const listeners of new Set(QUESTIONS.map((question) => question.listeners))) {
      figures.push(...(await asked(listeners, redis.url)));
    }
    return figures;
  } finally {
    await redis.stop();
  }
}

async function asked(listeners: number, redis: string): Promise<Figure[]> {
  const peers = {
    ours: await Peer.node('ours', listeners),
    stock: await Peer.node('stock', listeners),
    adapter: await Peer.node('stock', listeners, redis),
    ws: await Peer.node('ws', listeners),
    floor: await Peer.floor(listeners),
    ...(isCentrifugoThere() && { centrifugo: await Peer.centrifugo(listeners) }),
  };
  try {
    const figures: Figure[] = [];
    for (const question of QUESTIONS) {
      if (question.listeners === listeners) figures.push(...(await compared(peers, question)));
    }
    const { ours, centrifugo } = peers;
    for (const [name, peer] of Object.entries({ ours, ...(centrifugo && { Centrifugo: centrifugo }) }))
      figures.push({
        what: `${listeners} connected: ${name}, resident memory for each`,
        unit: 'kB',
        values: [peer.kilobytes],
      });
    return figures;
  } finally {
    for (const peer of Object.values(peers)) await peer.stop();
  }
}

type Peers = Readonly<Record<'ours' | 'stock' | 'adapter' | 'ws' | 'floor', Peer>> & {
  readonly centrifugo?: Peer;
};

async function compared(peers: Peers, { what, command, goals }: Question): Promise<Figure[]> {
  const measure = (peer: Peer) => async (round: number) => {
    for (let n = round === 0 ? WARM_UPS : 0; n > 0; n--) await peer.cost(command);
    return peer.cost(command);
  };
  const cost = await inTurns(ROUNDS, {
    ours: measure(peers.ours),
    floor: measure(peers.floor),
    ws: measure(peers.ws),
    stock: measure(peers.stock),
    adapter: measure(peers.adapter),
    centrifugo: peers.centrifugo === undefined ? async () => Number.NaN : measure(peers.centrifugo),
  });
  const each = 'CPU for an event and listener';
  const goalOf = (peer: 'floor' | 'stock') => (goals[peer] === undefined ? {} : { goal: goals[peer] });
  return [
    { what: `${what}: ours ÷ write()`, unit: '×', values: ratios(cost.ours, cost.floor), ...goalOf('floor') },
    {
      what: `${what}: ours ÷ Socket.IO`,
      unit: '×',
      values: ratios(cost.ours, cost.stock),
      ...goalOf('stock'),
    },
    { what: `${what}: ws ÷ write()`, unit: '×', values: ratios(cost.ws, cost.floor) },
    { what: `${what}: Socket.IO ÷ write()`, unit: '×', values: ratios(cost.stock, cost.floor) },
    {
      what: `${what}: Socket.IO with its Redis adapter ÷ write()`,
      unit: '×',
      values: ratios(cost.adapter, cost.floor),
    },
    ...(peers.centrifugo === undefined
      ? []
      : [
          { what: `${what}: Centrifugo ÷ write()`, unit: '×', values: ratios(cost.centrifugo, cost.floor) },
          { what: `${what}: ours ÷ Centrifugo`, unit: '×', values: ratios(cost.ours, cost.centrifugo) },
        ]),
    { what: `${what}: write(), ${each}`, unit: 'µs', values: cost.floor },
    { what: `${what}: ours, ${each}`, unit: 'µs', values: cost.ours },
  ];
}
