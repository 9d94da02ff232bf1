/** Probes what the gateway depends on with real writes, for `/readyz`, the log and the metrics. */

import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Refusal, RefusalReason } from '../refusal.js';
import { settledWithin } from '../waiting.js';

export type Dependency = 'database' | 'redis';

export interface Probe {
  readonly dependency: Dependency;
  /** Does for a moment what the gateway does all the time. @throws Fault with the refusal */
  run(): Promise<void>;
}

interface DependencyWatchOptions {
  /** A probe follows the end of the one before it after this time. */
  readonly intervalMs: number;
  /** A probe that is not answered within this time counts as unreachable. */
  readonly timeoutMs?: number;
  /** A refusal that lasts is logged again this often. */
  readonly logEveryMs?: number;
}

const TIMEOUT_MS = 4_000;
const LOG_EVERY_MS = 60_000;
/** While a dependency refuses, it is probed at least this often: callers wait for it. */
const RETRY_MS = 500;

const TITLES: Readonly<Record<Dependency, string>> = { database: 'the database', redis: 'Redis' };
/** The reasons that `/readyz` names as they are. For any other one it names the dependency. */
const NAMED: ReadonlySet<RefusalReason> = new Set(['disk_full', 'read_only', 'out_of_memory', 'forbidden']);

export class DependencyWatch {
  readonly #states: readonly DependencyState[];
  #closed = false;

  constructor(
    probes: readonly Probe[],
    private readonly options: DependencyWatchOptions,
    deps: { readonly logger: Logger; readonly metrics: Metrics },
  ) {
    const dependencies = [...new Set(probes.map(({ dependency }) => dependency))];
    this.#states = dependencies.map((dependency) => {
      const own = probes.filter((probe) => probe.dependency === dependency);
      return new DependencyState(dependency, own, options, deps);
    });
  }

  /** Fulfilled after the first round of probes. */
  async start(): Promise<void> {
    await Promise.all(this.#states.map((state) => state.probe()));
    for (const state of this.#states) void this.#repeat(state);
  }

  /** Why the gateway is not ready, as `/readyz` names it. */
  reasons(): string[] {
    return this.#states.flatMap(({ refusal, dependency }) => {
      if (refusal === null) return [];
      return [NAMED.has(refusal.reason) ? refusal.reason : dependency];
    });
  }

  /** What each dependency that cannot be used has said. */
  refusals(): Record<string, Refusal> {
    return Object.fromEntries(
      this.#states.flatMap(({ dependency, refusal }) => (refusal === null ? [] : [[dependency, refusal]])),
    );
  }

  /** Calling it twice is a no-op. */
  close(): void {
    this.#closed = true;
  }

  async #repeat(state: DependencyState): Promise<void> {
    const { intervalMs } = this.options;
    for (;;) {
      await pause(state.refusal === null ? intervalMs : Math.min(intervalMs, RETRY_MS), undefined, {
        ref: false,
      });
      if (this.#closed) return;
      await state.probe();
      if (this.#closed) return;
    }
  }
}

/** What is known of one dependency. */
class DependencyState {
  refusal: Refusal | null = null;
  #since = 0;
  /** When each code was last logged while the dependency cannot be used: it may answer one thing, then another, in turn. */
  readonly #loggedAt = new Map<string, number>();
  /** A probe that was given up and may still be answered. */
  readonly #unanswered = new Map<Probe, Promise<Refusal | null>>();

  constructor(
    readonly dependency: Dependency,
    private readonly probes: readonly Probe[],
    private readonly options: DependencyWatchOptions,
    private readonly deps: { readonly logger: Logger; readonly metrics: Metrics },
  ) {}

  async probe(): Promise<void> {
    const answers = await Promise.all(this.probes.map((probe) => this.#answerOf(probe)));
    this.#take(answers.find((answer) => answer !== null) ?? null);
  }

  async #answerOf(probe: Probe): Promise<Refusal | null> {
    let answer = this.#unanswered.get(probe);
    if (answer === undefined) {
      answer = probe
        .run()
        .then(() => null, refusalIn)
        .finally(() => this.#unanswered.delete(probe));
      this.#unanswered.set(probe, answer);
    }
    const isAnswered = await settledWithin(this.options.timeoutMs ?? TIMEOUT_MS, answer);
    return isAnswered ? answer : { reason: 'unreachable', code: 'TIMEOUT' };
  }

  #take(answer: Refusal | null): void {
    const before = this.refusal;
    // A connection that is made anew because of a refusal is closed for a moment, and says less.
    const refusal = answer?.code === 'CLOSED' && before !== null ? before : answer;
    this.refusal = refusal;
    this.#measure(before);
    const now = performance.now();
    if (refusal !== null) {
      if (before === null) this.#since = now;
      this.#log(refusal, now);
    } else if (before !== null) this.#logEnd(before, now);
  }

  #log(refusal: Refusal, now: number): void {
    const { dependency } = this;
    const last = this.#loggedAt.get(refusal.code);
    if (last !== undefined && now - last < (this.options.logEveryMs ?? LOG_EVERY_MS)) return;
    this.#loggedAt.set(refusal.code, now);
    const seconds = Math.round((now - this.#since) / 1_000);
    this.deps.logger.error({ dependency, ...refusal, seconds }, `${TITLES[dependency]} cannot be used`);
  }

  #logEnd({ reason, code }: Refusal, now: number): void {
    const { dependency } = this;
    this.#loggedAt.clear();
    const seconds = Math.round((now - this.#since) / 1_000);
    this.deps.logger.info({ dependency, reason, code, seconds }, `${TITLES[dependency]} can be used again`);
  }

  /** One series for each dependency: the one of the reason before has to go. */
  #measure(before: Refusal | null): void {
    const { dependency, refusal } = this;
    const { dependencyUp } = this.deps.metrics;
    dependencyUp.remove({ dependency, reason: before?.reason ?? '' });
    dependencyUp.set({ dependency, reason: refusal?.reason ?? '' }, refusal === null ? 1 : 0);
  }
}

function refusalIn(error: unknown): Refusal {
  if (error instanceof Fault && error.refusal !== undefined) return error.refusal;
  return { reason: 'unreachable', code: error instanceof Error ? error.name : typeof error };
}
