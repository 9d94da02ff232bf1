/** Asks the gateway what the results of a list break down into, as seldom as will do. */
import { call, filePath, query } from '../api.js';
import { hasEnded } from '../file/state.js';

/** Sums while a list runs; the others are counted by the gateway once it has ended. */
const WHILE_RUNNING = ['score', 'attribute'];
const AT_THE_END = ['domain', 'provider'];
/** Numbers that change faster cannot be read. What is still being counted is asked for again after this time, too. */
const EVERY_MS = 3000;
/** As many domains as are looked through for mistyped ones. */
const LIMIT = 200;

export function breakdownLoader(fileId, { onAnswer, onFailure }) {
  const stop = new AbortController();
  /** By property: the state of the list that was answered for. */
  const known = new Map();
  let stats;
  let timer = null;
  let isAsking = false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isOpen = false;

  const stateNow = () => `${stats.epoch} ${stats.revision} ${stats.status}`;
  function missing() {
    const all = hasEnded(stats) ? [...WHILE_RUNNING, ...AT_THE_END] : WHILE_RUNNING;
    return all.filter((by) => known.get(by) !== stateNow());
  }

  function schedule() {
    if (stats === undefined || stats.progress.processed === 0 || !isOpen || isAsking || timer !== null)
      return;
    if (document.visibilityState !== 'visible' || missing().length === 0) return;
    timer = setTimeout(() => void ask(), EVERY_MS - (performance.now() - askedAt));
  }

  async function ask() {
    timer = null;
    isAsking = true;
    askedAt = performance.now();
    const state = stateNow();
    await Promise.all(missing().map((by) => askBy(by, state)));
    isAsking = false;
    if (!stop.signal.aborted) schedule();
  }

  async function askBy(by, state) {
    try {
      const path = `${filePath(fileId)}/breakdown${query({ by, limit: LIMIT })}`;
      const answer = await call(path, { signal: stop.signal });
      if (answer.complete || WHILE_RUNNING.includes(by)) known.set(by, state);
      onAnswer(answer);
    } catch (error) {
      if (!stop.signal.aborted) onFailure(by, error);
    }
  }

  document.addEventListener('visibilitychange', schedule, { signal: stop.signal });

  return {
    update(next) {
      stats = next;
      schedule();
    },
    /** What is folded away is not asked for. */
    open(isNow) {
      isOpen = isNow;
      schedule();
    },
    close() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}
