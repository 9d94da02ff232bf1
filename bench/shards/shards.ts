import { type Figure, inTurns } from '../support/figures.js';
import { type Costs, Topology } from './topology.js';

const ROUNDS = 3;

/** Benchmark: what do an update and an event cost Redis and the gateways, on one Redis and on three shards? */
export async function shards(): Promise<Figure[]> {
  const topologies = { '1 Redis': await Topology.start(1), '3 shards': await Topology.start(3) };
  try {
    const costs: Record<keyof typeof topologies, Costs[]> = { '1 Redis': [], '3 shards': [] };
    const measure = (name: keyof typeof topologies) => async (round: number) => {
      const measured = await topologies[name].round();
      // The first round finds caches and connections cold.
      if (round > 0) costs[name].push(measured);
      return 0;
    };
    await inTurns(ROUNDS, { '1 Redis': measure('1 Redis'), '3 shards': measure('3 shards') });
    return [...figuresOf('1 Redis', costs['1 Redis']), ...figuresOf('3 shards', costs['3 shards'])];
  } finally {
    await Promise.all(Object.values(topologies).map((topology) => topology.stop()));
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function figuresOf(name: string, costs: readonly Costs[]): Figure[] {
  const figure = (what: string, unit: string, of: (costs: Costs) => number): Figure => ({
    what: `${name}: ${what}`,
    unit,
    values: costs.map(of),
  });
  return [
    figure('events for an update', '', ({ events, updates }) => events / updates),
    figure('commands of Redis for an update', '', ({ commands, updates }) => commands / updates),
    figure(
      'CPU of Redis for 1,000 updates, all nodes',
      'ms',
      ({ redis, updates }) => (1e3 * sum(redis)) / updates,
    ),
    figure('the same, the busiest node', 'ms', ({ redis, updates }) => (1e3 * Math.max(...redis)) / updates),
    figure(
      'CPU of Redis for 1,000 events, all nodes',
      'ms',
      ({ redis, events }) => (1e3 * sum(redis)) / events,
    ),
    figure('CPU of both gateways for an update', 'ms', ({ gateways, updates }) => gateways / updates),
    figure('CPU of both gateways for an event', 'ms', ({ gateways, events }) => gateways / events),
    figure('messages from node to node for an update', '', ({ passedOn, updates }) => passedOn / updates),
  ];
}
