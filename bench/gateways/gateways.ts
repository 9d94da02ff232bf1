import { setTimeout as sleep } from 'node:timers/promises';
import { type Installation, install } from '../distributed/installation.js';
import { Listener } from '../load/listener.js';
import { BATCH } from '../support/dataset.js';
import { type Figure, inTurns, ratios } from '../support/figures.js';
import { updateText } from '../support/updates.js';

const COUNTS = [1, 2, 4] as const;
type Count = (typeof COUNTS)[number];
const ROUNDS = 3;
/** As many files as gateways, each with listeners at every gateway: with twice as many gateways all of it is twice as much. */
const LISTENERS_A_FILE = 1_000;
const AT_ONCE = 50;
const UPDATES = 20;
const UPDATES_PER_SECOND = 2;
const STEP = 5;
const LOOK_MS = 100;
const QUIET_LOOKS = 5;

/** Benchmark: does an event cost the same with one gateway, two, and four? */
export async function gateways(): Promise<Figure[]> {
  const sides = new Map<Count, Side>();
  for (const count of COUNTS) sides.set(count, await Side.start(count));
  try {
    const measure = (count: Count) => async (round: number) =>
      (await sides.get(count)?.round(round)) ?? Number.NaN;
    const costs = await inTurns(ROUNDS + 1, { 1: measure(1), 2: measure(2), 4: measure(4) });
    // The first round finds caches and connections cold.
    const of = (count: Count) => costs[`${count}`]?.slice(1) ?? [];
    return [
      ...COUNTS.map(
        (count): Figure => ({
          what: `${count} gateway${count > 1 ? 's' : ''}, ${count * LISTENERS_A_FILE} listeners: CPU of all gateways for an event`,
          unit: 'µs',
          values: of(count),
        }),
      ),
      ...([2, 4] as const).map(
        (count): Figure => ({
          what: `${count} gateways, compared with one`,
          unit: '×',
          values: ratios(of(count), of(1)),
          goal: { atMost: 1.1 },
        }),
      ),
    ];
  } finally {
    for (const side of sides.values()) await side.stop();
  }
}

/** An installation of so many gateways, and its listeners. */
class Side {
  private constructor(
    private readonly count: number,
    private readonly installation: Installation,
    private readonly listeners: readonly Listener[],
  ) {}

  static async start(count: Count): Promise<Side> {
    const installation = await install(count);
    const listeners: Listener[] = [];
    const urls = installation.gateways.map(({ url }) => url);
    for (let first = 0; first < count * LISTENERS_A_FILE; first += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, (_, index) => {
        const number = first + index;
        return Listener.connect(urls[number % count] ?? '', fileOf(Math.floor(number / LISTENERS_A_FILE)));
      });
      listeners.push(...(await Promise.all(some)));
    }
    return new Side(count, installation, listeners);
  }

  /** CPU microseconds for an event that was delivered. */
  async round(round: number): Promise<number> {
    const before = this.#counts();
    await Promise.all(Array.from({ length: this.count }, (_, file) => this.#run(file, round)));
    const after = await this.#settled();
    return (1e3 * (after.cpu - before.cpu)) / (after.events - before.events);
  }

  async stop(): Promise<void> {
    for (const listener of this.listeners) listener.end();
    await this.installation.stop();
  }

  /** The updates of one batch, each taken in by the next gateway. */
  async #run(file: number, round: number): Promise<void> {
    const { gateways } = this.installation;
    const spec = { batchId: `${file}-${round}`, fileId: fileOf(file), first: round * BATCH, total: BATCH };
    for (let sent = 1; sent <= UPDATES; sent++) {
      await gateways[(file + sent) % gateways.length]?.post('/api/updates', updateText(spec, sent * STEP));
      await sleep(1000 / UPDATES_PER_SECOND);
    }
  }

  /** Once nothing more comes. */
  async #settled() {
    let last = this.#counts();
    for (let quiet = 0; quiet < QUIET_LOOKS; ) {
      await sleep(LOOK_MS);
      const now = this.#counts();
      quiet = now.events === last.events ? quiet + 1 : 0;
      last = now;
    }
    return last;
  }

  #counts() {
    return {
      cpu: this.installation.gateways.reduce((sum, { cpu }) => sum + cpu, 0),
      events: this.listeners.reduce((sum, { frames }) => sum + frames, 0),
    };
  }
}

const fileOf = (number: number): string => `gateways-${number}`;
