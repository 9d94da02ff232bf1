import { call, filePath, query } from '../api.js';

/** A running file changes ten times a second; more than one refresh a second could not be read. */
const REFRESH_MS = 1000;

/**
 * Keeps one page of a file's results up to date. It runs one request at a time: at most one a second for changes, and
 * at once for the user's actions. A hidden page is not refreshed.
 */
export function pageLoader(fileId, { onPage, onError }) {
  let wish = {};
  let underWay = null;
  let timer;
  let dirty = false;
  let finished = 0;
  let failed = false;
  let closed = false;

  async function load() {
    clearTimeout(timer);
    underWay?.abort();
    dirty = false;
    const mine = new AbortController();
    underWay = mine;
    try {
      const page = await call(`${filePath(fileId)}/emails${query(wish)}`, { signal: mine.signal });
      failed = false;
      if (underWay === mine) onPage(page);
    } catch (error) {
      if (underWay === mine && !closed) {
        failed = true;
        onError(error);
      }
    }
    if (underWay !== mine) return;
    underWay = null;
    finished = performance.now();
    if (dirty) later();
  }

  function later() {
    clearTimeout(timer);
    if (document.visibilityState === 'visible')
      timer = setTimeout(() => void load(), REFRESH_MS - (performance.now() - finished));
  }

  function changed() {
    if (closed) return;
    const isFirst = !dirty;
    dirty = true;
    if (isFirst && underWay === null) later();
  }

  const onVisible = () => {
    if (dirty && underWay === null) later();
  };
  document.addEventListener('visibilitychange', onVisible);

  return {
    changed,
    /** Requests another page or filter. The request under way is dropped. */
    ask(next) {
      wish = next;
      if (!closed) void load();
    },
    /** Repeats the failed request when the gateway is back. */
    retry() {
      if (failed && !closed) void load();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      underWay?.abort();
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
