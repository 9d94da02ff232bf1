/** Drives WebKit (WebKitGTK's MiniBrowser, on a screen of its own), by WebDriver: https://www.w3.org/TR/webdriver2/ */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.js';
import { findOnPath } from '../on-path.js';
import { startProgram } from '../program.js';
import { onTeardown, temporaryDirectory } from '../teardown.js';
import type { DrivenBrowser } from './driven.js';

const LIBRARIES = '/usr/lib';
const VERSIONS = ['webkitgtk-6.0', 'webkit2gtk-4.1', 'webkit2gtk-4.0'];

/** WebDriver does not tell what is on the console, so the page is listened to; not before it is loaded. */
const LISTEN = `(() => {
  const complaints = (window.complaints = []);
  const { error } = console;
  console.error = (...values) => {
    complaints.push(values.join(' '));
    error(...values);
  };
  addEventListener('error', ({ message }) => complaints.push(message));
  addEventListener('unhandledrejection', ({ reason }) => complaints.push(String(reason)));
  addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
    complaints.push(effectiveDirective + ' forbids ' + blockedURI));
})()`;

/** Debian's packages webkit2gtk-driver, which brings the browser, and xvfb. */
export function findWebKit() {
  const driver = findOnPath(['WebKitWebDriver']);
  const screen = findOnPath(['Xvfb']);
  const binary = readdirSync(LIBRARIES)
    .flatMap((folder) => VERSIONS.map((version) => join(LIBRARIES, folder, version, 'MiniBrowser')))
    .find((path) => existsSync(path));
  return driver && screen && binary ? { driver, screen, binary } : undefined;
}

export async function startWebKit(): Promise<DrivenBrowser> {
  const found = findWebKit();
  if (found === undefined) throw new Error('there is no WebKit');
  const screen = startProgram(found.screen, ['-displayfd', '1', '-screen', '0', '1280x900x24']);
  const { out: display } = await screen.until(({ out, code }) => /^\d+\n/.test(out) || code !== undefined);
  const port = await freePort();
  const driver = startProgram(found.driver, ['--host=127.0.0.1', `--port=${port}`], {
    DISPLAY: `:${display.trim()}`,
    GTK_THEME: 'Adwaita:dark',
    HOME: temporaryDirectory(),
    LIBGL_ALWAYS_SOFTWARE: '1',
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1', // for containers run as root
  });
  const ask = asker(`http://127.0.0.1:${port}`);
  const options = { binary: found.binary, args: ['--automation'] };
  const { sessionId, capabilities } = await ask<{
    sessionId: string;
    capabilities: { browserVersion: string };
  }>('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
  const session = `/session/${sessionId}`;
  onTeardown(async () => {
    await ask('DELETE', session);
    driver.child.kill();
    await driver.ended;
  });
  const run = <T>(script: string) => ask<T>('POST', `${session}/execute/async`, { script, args: [] });
  async function evaluate<T>(expression: string): Promise<T> {
    const answer = JSON.parse(
      await run(`const done = arguments[0];
        (async () => JSON.stringify({ of: await (${expression}) }))()
          .then(done, (error) => done(JSON.stringify({ error: String(error) })))`),
    );
    if (answer.error) throw new Error(answer.error);
    return answer.of;
  }
  return {
    version: `WebKitGTK ${capabilities.browserVersion}`,
    async open(url) {
      await ask('POST', `${session}/url`, { url });
      await evaluate(LISTEN);
    },
    async reload() {
      await ask('POST', `${session}/refresh`, {});
      await evaluate(LISTEN);
    },
    evaluate,
    async click(selector) {
      const at = { using: 'css selector', value: selector };
      const [element] = Object.values(await ask<Record<string, string>>('POST', `${session}/element`, at));
      await ask('POST', `${session}/element/${element}/click`, {});
    },
    complaints: () => evaluate('window.complaints'),
  };
}

function asker(url: string) {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const request = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await reached(() => fetch(url + path, request));
    const { value } = (await response.json()) as { value: T };
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(value)}`);
    return value;
  };
}

/** The driver says nowhere that it listens. */
async function reached(request: () => Promise<Response>): Promise<Response> {
  const until = performance.now() + 20_000;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resume) => setTimeout(resume, 20));
    }
  }
}
