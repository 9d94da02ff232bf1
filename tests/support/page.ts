/** What tests of the dashboard read from a page. */
import type { Locator, Page } from 'playwright-core';

export const fileHash = (fileId: string) => `/#/files/${encodeURIComponent(fileId)}`;
export const isLive = (page: Page) => page.locator('#connection[data-state="live"]').waitFor();
export const lines = (page: Page) => page.locator('.line');

/** Waits for the text: the page paints a change in its next frame. */
export async function reads(locator: Locator, text: string | RegExp): Promise<void> {
  await locator.filter({ hasText: typeof text === 'string' ? exactly(text) : text }).waitFor();
}

const exactly = (text: string) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);

/** What has moved without the user's doing: Chromium's cumulative layout shift. */
export const shiftsOf = (page: Page) =>
  page.evaluate<number>(`new Promise((resolve) => {
    const sum = (list) => list.getEntries().reduce((all, { value, hadRecentInput }) => all + (hadRecentInput ? 0 : value), 0);
    new PerformanceObserver((list) => resolve(sum(list))).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(0), 1000);
  })`);
