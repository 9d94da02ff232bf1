/**
 * Takes pictures of the dashboard for a person to look at, into `screenshots/`: each view in both themes, as wide as a phone,
 * a tablet and a desktop. It starts gateways of its own, on free ports and in a temporary directory.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { findChromium, IN_CONTAINERS } from '../dist/tests/support/chromium.js';

const TO = 'screenshots';
const WIDTHS = { phone: [375, 740], tablet: [1024, 768], desktop: [1440, 900] };

const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), 'verigate-screenshots-'));
/** @type {import('node:child_process').ChildProcess[]} */
const gateways = [];

/** @returns {Promise<string>} its URL */
async function startGateway(/** @type {string} */ name, /** @type {NodeJS.ProcessEnv} */ env = {}) {
  const child = spawn(process.execPath, ['dist/src/main.js'], {
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: join(folder, name), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  gateways.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line);
    if (msg === 'listening') {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error('the gateway ended');
}

const VERDICTS = /** @type {const} */ ([
  ['deliverable', 'low', null, 96],
  ['deliverable', 'low', null, 91],
  ['deliverable', 'low', null, 99],
  ['undeliverable', 'high', 'Invalid Domain', 0],
  ['deliverable', 'low', null, 94],
  ['risky', 'medium', 'Low Deliverability', 50],
  ['undeliverable', 'high', 'Rejected Email', 5],
  ['unknown', 'medium', 'Timeout', 20],
]);
const DOMAINS = ['gmail.com', 'outlook.com', 'department-of-things.example', 'gmial.com', 'web.de'];

function resultOf(/** @type {string} */ email, /** @type {number} */ n) {
  const [status, risk_level, sub_status, score] = email.includes('gmial')
    ? VERDICTS[3]
    : (VERDICTS[n % 8] ?? VERDICTS[0]);
  return {
    email,
    is_valid: status === 'deliverable',
    status,
    risk_level,
    deliverability_score: score,
    details: {
      general: { domain: email.split('@').at(-1), reason: '', validation_method: 'smtp' },
      attributes: {
        free_email: n % 3 === 0,
        role_account: n % 11 === 0,
        disposable: false,
        catch_all: n % 7 === 0,
      },
      mail_server: { smtp_provider: email.includes('gm') ? 'Google' : 'Microsoft' },
      sub_status,
    },
  };
}

const people = (/** @type {number} */ many) =>
  Array.from({ length: many }, (_, n) => `somebody.with.a.name${n}@${DOMAINS[n % DOMAINS.length]}`);

const HOSTILE = [
  '<img src=x onerror="document.title=1">@example.com',
  '\u202emoc.elgoog@evil.example',
  'nul\u0000@example.com',
  '',
  '\u05e9\u05dc\u05d5\u05dd@example.com',
  `${'x'.repeat(5000)}@example.com`,
  '\ud83d\ude80\ud83d\ude80\ud83d\ude80@example.com',
];

async function publish(
  /** @type {string} */ url,
  /** @type {string} */ fileId,
  /** @type {string[]} */ emails,
  { total = emails.length, batch = 'only', batches = 1, isComplete = true } = {},
) {
  const body = {
    fileId,
    batchId: `${fileId} ${batch}`,
    totalBatches: batches,
    isComplete,
    totalEmails: total,
    processedCount: emails.length,
    lastUpdated: '2026-01-01T00:00:00.000000',
    validatedEmails: emails.map(resultOf),
  };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/updates`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (answer.status !== 202) throw new Error(`${fileId} was refused: ${await answer.text()}`);
}

/** @returns {Promise<Record<string, string>>} the views by their names */
async function prepare() {
  const url = await startGateway('usual');
  const silent = await startGateway('silent', { STALL_AFTER_MS: '50' });
  await publish(url, 'newsletter spring', people(2600));
  await publish(url, 'customers', people(640), { total: 1500, isComplete: false });
  await publish(url, 'hostile \u202e<b>', HOSTILE);
  await publish(silent, 'stalled', people(75), { total: 150, isComplete: false });
  await publish(silent, 'failed', people(75), { batches: 2 });
  await publish(silent, 'failed', people(10), { total: 75, batch: 'second', isComplete: false });
  const reason = JSON.stringify({ reason: 'silent' });
  await fetch(`${silent}/api/files/failed/batches/failed%20second/fail`, { method: 'POST', body: reason });
  const file = (/** @type {string} */ at, /** @type {string} */ id) =>
    `${at}/#/files/${encodeURIComponent(id)}`;
  return {
    lists: url,
    done: file(url, 'newsletter spring'),
    running: file(url, 'customers'),
    hostile: file(url, 'hostile \u202e<b>'),
    stalled: file(silent, 'stalled'),
    failed: file(silent, 'failed'),
    import: `${url}/#/new`,
    unknown: file(url, 'no such list'),
  };
}

const browser = await chromium.launch({ executablePath: findChromium() ?? '', args: IN_CONTAINERS });
try {
  const views = await prepare();
  mkdirSync(TO, { recursive: true });
  for (const colorScheme of /** @type {const} */ (['light', 'dark']))
    for (const [device, [width = 0, height = 0]] of Object.entries(WIDTHS)) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme,
        reducedMotion: 'reduce',
        locale: process.env.LANGUAGE === 'de' ? 'de-DE' : 'en-US',
      });
      const page = await context.newPage();
      for (const [view, url] of Object.entries(views)) {
        await page.goto('about:blank');
        await page.goto(url);
        await page.locator('main h1, main h2').first().waitFor();
        await page.waitForLoadState('networkidle');
        await page.screenshot({ path: join(TO, `${view}-${device}-${colorScheme}.png`), fullPage: true });
      }
      if (device === 'desktop' && colorScheme === 'light') {
        await page.goto(views.done ?? '');
        await page.locator('.typos .chip').first().waitFor();
        await page.pdf({ path: join(TO, 'print.pdf'), preferCSSPageSize: true });
      }
      await context.close();
      say(`${device}, ${colorScheme}: ${Object.keys(views).join(', ')}`);
    }
  say(`They are in ${TO}/.`);
} finally {
  await browser.close();
  for (const child of gateways) {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
  rmSync(folder, { recursive: true, force: true });
}
