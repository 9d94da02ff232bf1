/** Drives Chromium, by Playwright. */
import { chromium } from 'playwright-core';
import { findChromium, IN_CONTAINERS } from '../chromium.js';
import { onTeardown } from '../teardown.js';
import type { DrivenBrowser } from './driven.js';

export async function startChromium(): Promise<DrivenBrowser> {
  const executablePath = findChromium() ?? 'chromium';
  const browser = await chromium.launch({ executablePath, args: IN_CONTAINERS });
  onTeardown(() => browser.close());
  const page = await browser.newPage({ colorScheme: 'dark', locale: 'en-US' });
  const heard: string[] = [];
  page.on('console', (message) => message.type() === 'error' && heard.push(message.text()));
  page.on('pageerror', (error) => heard.push(String(error)));
  return {
    version: `Chromium ${browser.version()}`,
    open: async (url) => void (await page.goto(url)),
    reload: async () => void (await page.reload()),
    evaluate: (expression) => page.evaluate(expression),
    click: (selector) => page.locator(selector).first().click(),
    complaints: async () => heard,
  };
}
