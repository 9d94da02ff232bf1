/** A page whose browser is asked how it fares. */
import type { Browser, Page } from 'playwright-core';

/** Runs before the page's own code. */
const OBSERVE = `
  window.observed = { lcp: 0, cls: 0, longTask: 0 };
  const observe = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  observe('largest-contentful-paint', ({ startTime }) => { observed.lcp = startTime; });
  observe('layout-shift', ({ value, hadRecentInput }) => { if (!hadRecentInput) observed.cls += value; });
  observe('longtask', ({ duration }) => { observed.longTask = Math.max(observed.longTask, duration); });`;

export interface Observed {
  /** Largest contentful paint, in milliseconds after the navigation began. */
  readonly lcp: number;
  /** Sum of all layout shifts that no input explains. */
  readonly cls: number;
  /** The longest task of the main thread, in milliseconds; those below 50 are not told. */
  readonly longTask: number;
}

/** In a context of its own: with an empty cache. */
export async function observedPage(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' });
  await context.addInitScript(OBSERVE);
  return context.newPage();
}

export const observed = (page: Page): Promise<Observed> => page.evaluate<Observed>('window.observed');

/** Of the browser's own counters: CPU of the page's thread, which other work on the machine hardly changes, and the heap. */
export async function counters(page: Page): Promise<() => Promise<{ taskMs: number; heapMb: number }>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    const read = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    return { taskMs: read('TaskDuration') * 1000, heapMb: read('JSHeapUsedSize') / 1024 ** 2 };
  };
}
