/** Runs tests in a real browser. */
import { afterAll, beforeAll, describe } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium, IN_CONTAINERS } from './chromium.js';
import { isRequired } from './describe-where.js';
import { isThorough } from './effort.js';
import { onTeardown } from './teardown.js';

/** A site whose name leads to this machine, as an attacker's name server can make it. */
const REBOUND = '--host-resolver-rules=MAP rebound.test 127.0.0.1';

/**
 * Tests that need a real browser. Without one they are skipped with a message. With `CI` or `REQUIRE_SERVICES=1`, where
 * nothing may be skipped, they fail.
 */
export function describeInBrowser(name: string, tests: (open: OpenPage) => void): void {
  const executablePath = findChromium({ mayBeShell: !isThorough });
  if (executablePath === undefined && !isRequired) {
    // biome-ignore lint/suspicious/noConsole: a test that is skipped in silence looks like one that passed
    console.warn(`SKIPPED: ${name}: no Chromium found; install one or set CHROMIUM_PATH`);
    describe.skip(name, () => tests(openIn(undefined)));
    return;
  }
  describe(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      if (executablePath === undefined)
        throw new Error('no Chromium found; install one or set CHROMIUM_PATH');
      browser = await chromium.launch({ executablePath, args: [...IN_CONTAINERS, REBOUND] });
    });
    afterAll(async () => {
      await browser?.close();
    });
    tests((url, options) => openIn(browser)(url, options));
  });
}

/**
 * A page, with what its browser reported: errors on the console, exceptions, violations of the content security policy.
 */
export interface OpenedPage {
  readonly page: Page;
  complaints(): Promise<string[]>;
}

export type OpenPage = (url: string, options?: BrowserContextOptions) => Promise<OpenedPage>;

declare const window: { violations: string[] };
declare function addEventListener(
  type: string,
  listener: (event: { blockedURI: string; effectiveDirective: string }) => void,
): void;

/** Runs in the page before its own code. */
function watchPolicy(): void {
  window.violations = [];
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
    window.violations.push(`${effectiveDirective} forbids ${blockedURI}`);
  });
}

const openIn =
  (browser: Browser | undefined): OpenPage =>
  async (url, options = {}) => {
    if (browser === undefined) throw new Error('there is no browser');
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    onTeardown(() => context.close());
    await context.addInitScript(watchPolicy);
    const page = await context.newPage();
    const heard: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') heard.push(message.text());
    });
    page.on('pageerror', (error) => heard.push(String(error)));
    await page.goto(url);
    return {
      page,
      complaints: async () => [...heard, ...(await page.evaluate(() => window.violations))],
    };
  };
