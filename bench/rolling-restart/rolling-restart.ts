import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { freePort } from '../../tests/support/free-port.js';
import type { Command, ListenersReport } from '../reconnect/listener-process.js';
import { killOnExit } from '../support/children.js';
import { BATCH, emptyDataset } from '../support/dataset.js';
import { type Figure, percentile } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { Server } from '../support/servers.js';
import { updateText } from '../support/updates.js';
import { startBalancer } from './balancer.js';

const LISTENER_PROCESS = fileURLToPath(new URL('../reconnect/listener-process.js', import.meta.url));
const FILE = 'rolling';
const LISTENERS = 2_000;
const UPDATES_PER_SECOND = 5;
const STEP = 5;
const AGAIN_MS = 50;
/** The balancer has to see a gateway as ready before the next one is stopped. */
const BETWEEN_MS = 4_000;
const CALM_MS = 3_000;

/** Benchmark: how long is a listener behind while the gateways behind a balancer are restarted one by one? */
export async function rollingRestart(): Promise<Figure[]> {
  const [redis, mongo] = await Promise.all([Server.redis(), Server.mongo()]);
  const { directory, remove } = emptyDataset();
  const env = { REDIS_URL: redis.url, MONGODB_URI: mongo.url, TRUSTED_PROXIES: '127.0.0.1' };
  const ports = [await freePort(), await freePort()] as const;
  const start = (port: number) => GatewayProcess.start({ directory, env: { ...env, PORT: String(port) } });
  const gateways = [await start(ports[0]), await start(ports[1])] as [GatewayProcess, GatewayProcess];
  const balancer = await startBalancer(gateways[0].url, gateways[1].url, 2 * LISTENERS);
  const announced = await Announced.at(redis.url);
  try {
    const file = new RunningFile(balancer.url);
    await sleep(CALM_MS);
    const listeners = fork(LISTENER_PROCESS, [balancer.url, FILE, String(LISTENERS)]);
    killOnExit(listeners);
    await once(listeners, 'message');
    await sleep(CALM_MS);
    const calm = await reportOf(listeners);

    const stopped: number[] = [];
    for (const number of [0, 1] as const) {
      const gateway = gateways[number];
      const startedAt = performance.now();
      await gateway.stop();
      stopped.push(performance.now() - startedAt);
      gateways[number] = await start(ports[number]);
      await sleep(BETWEEN_MS);
    }
    await file.stop();
    await sleep(CALM_MS);
    const seen = await reportOf(listeners);
    listeners.send({ kind: 'stop' } satisfies Command);
    return figuresOf(calm, seen, announced, stopped, file);
  } finally {
    announced.end();
    await balancer.stop();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await Promise.all([redis.stop(), mongo.stop()]);
    remove();
  }
}

function figuresOf(
  calm: ListenersReport,
  seen: ListenersReport,
  announced: Announced,
  stopped: readonly number[],
  { refused }: RunningFile,
): Figure[] {
  const behind = (report: ListenersReport) => report.behind.map((moves) => announced.longestBehind(moves));
  const restart = behind(seen);
  const one = (what: string, unit: string, value: number, goal?: Figure['goal']): Figure => ({
    what,
    unit,
    values: [value],
    ...(goal === undefined ? {} : { goal }),
  });
  const equal = Math.max(0, ...Object.values(seen.places));
  return [
    one(`${LISTENERS} listeners: all end with the same state`, '%', (100 * equal) / LISTENERS, {
      atLeast: 100,
    }),
    one('gaps seen by listeners', '', seen.gaps, { atMost: 0 }),
    one('longest time that a listener was behind, p99 of all listeners', 'ms', percentile(restart, 0.99), {
      atMost: 1_000,
    }),
    one('the same: median', 'ms', percentile(restart, 0.5)),
    one('the same: longest of all', 'ms', Math.max(...restart), { atMost: 3_000 }),
    one(
      'the same, p99, in three quiet seconds before: what the machine adds',
      'ms',
      percentile(behind(calm), 0.99),
    ),
    one('answers to `subscribe`: for each listener', '', seen.answeredAt.length / LISTENERS),
    one('attempts to connect for each of them', '', (seen.attempts - calm.attempts) / seen.answeredAt.length),
    one('answers: the most in one second, at one gateway', '', busiestSecond(seen.answeredAt)),
    one('of these recovered without starting over', '%', (100 * seen.recovered) / seen.answeredAt.length),
    one('from SIGTERM to the end of a gateway, the longer one', 'ms', Math.max(...stopped)),
    one('updates that the balancer could not place at once', '', refused),
  ];
}

async function reportOf(listeners: ChildProcess): Promise<ListenersReport> {
  listeners.send({ kind: 'report' } satisfies Command);
  const [seen] = (await once(listeners, 'message')) as [ListenersReport];
  return seen;
}

/** Of two gateways one is away: all that come back in this time come to the other. */
function busiestSecond(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while ((sorted[last] ?? 0) - (sorted[first] ?? 0) > 1_000) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** When each revision was published, as the file's mirror tells. */
class Announced {
  readonly #times: { readonly revision: number; readonly at: number }[] = [];

  private constructor(private readonly client: Redis) {
    client.on('message', (_channel: string, payload: string) => {
      const revision = Number(/"revision":(\d+)/.exec(payload)?.[1]);
      this.#times.push({ revision, at: Date.now() });
    });
  }

  static async at(url: string): Promise<Announced> {
    const announced = new Announced(new Redis(url));
    await announced.client.subscribe(`file_emails:${FILE}`);
    return announced;
  }

  /** From the first event that a listener did not have to the moment when it had it, in milliseconds. */
  longestBehind(moves: ListenersReport['behind'][number]): number {
    return Math.max(
      0,
      ...moves.map(([revision, at]) => {
        const next = this.#times.find((event) => event.revision > revision);
        return next === undefined ? 0 : at - next.at;
      }),
    );
  }

  end(): void {
    this.client.disconnect();
  }
}

/** Updates of one file through the balancer. One that is refused is sent again after a moment, as a producer would. */
class RunningFile {
  refused = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(private readonly url: string) {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let sent = 0; !this.#isOver; sent++) {
      const index = Math.floor((sent * STEP) / BATCH);
      const spec = { batchId: `${FILE}-${index}`, fileId: FILE, first: index * BATCH, total: BATCH };
      const body = updateText(spec, ((sent * STEP) % BATCH) + STEP);
      while (!(await this.#post(body))) {
        this.refused++;
        await sleep(AGAIN_MS);
      }
      await sleep(1000 / UPDATES_PER_SECOND);
    }
  }

  #post(body: string): Promise<boolean> {
    return fetch(`${this.url}/api/updates`, { method: 'POST', body }).then(
      async ({ ok, body: answer }) => {
        await answer?.cancel();
        return ok;
      },
      () => false,
    );
  }
}
