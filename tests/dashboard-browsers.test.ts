/** The main way through the page, in each browser that is there: Chromium always, Firefox and WebKit in the thorough run. */
import { describe, expect, it } from '@jest/globals';
import { startChromium } from './support/browsers/chromium.js';
import { type DrivenBrowser, reads, type StartBrowser, until } from './support/browsers/driven.js';
import { findFirefox, startFirefox } from './support/browsers/firefox.js';
import { findWebKit, startWebKit } from './support/browsers/webkit.js';
import { findChromium } from './support/chromium.js';
import { describeWhere } from './support/describe-where.js';
import { effort } from './support/effort.js';
import { eventually } from './support/eventually.js';
import { startTestGateway } from './support/gateway.js';
import { sliceValidator } from './support/slice-validator.js';
import { entry, updateMessage } from './support/updates.js';

const EMAILS = Array.from({ length: 60 }, (_, n) => `n${n}@${n % 4 ? 'gmail.com' : 'gmial.com'}`);

async function publish(url: string, many: number): Promise<void> {
  const emails = EMAILS.slice(0, many).map((email) =>
    email.endsWith('gmial.com')
      ? entry(email, { status: 'undeliverable', risk: 'high', subStatus: 'Invalid Domain' })
      : entry(email),
  );
  const isComplete = many === EMAILS.length;
  const news = { batchId: 'r1-b1', totalEmails: EMAILS.length, emails, isComplete };
  const nothing = { batchId: 'r1-b2', totalEmails: 0, emails: [], isComplete: true };
  for (const said of isComplete ? [news, nothing] : [news]) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(updateMessage(said));
    expect((await fetch(`${url}/api/updates`, { method: 'POST', headers, body })).status).toBe(202);
  }
}

/** As if the user had chosen it in the browser's dialog. */
const choose = (browser: DrivenBrowser, name: string, text: string) =>
  browser.evaluate(`(() => {
    const chosen = new DataTransfer();
    chosen.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, { type: 'text/csv' }));
    const input = document.getElementById('upload');
    input.files = chosen.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  })()`);

const search = (browser: DrivenBrowser, text: string) =>
  browser.evaluate(`(() => {
    const box = document.querySelector('.filters input[type="search"]');
    box.value = ${JSON.stringify(text)};
    box.dispatchEvent(new InputEvent('input', { bubbles: true }));
  })()`);

async function goTheMainWay(start: StartBrowser): Promise<void> {
  const validator = await sliceValidator();
  const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
  const browser = await start();
  process.stderr.write(`${browser.version}\n`);
  await browser.open(url);
  await until(browser, `document.querySelector('#connection[data-state="live"]')`);
  expect(await browser.evaluate(`matchMedia('(prefers-color-scheme: dark)').matches`)).toBe(true);
  // one number of a colour is enough to tell night from day
  const background = await browser.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  expect(Number(/\d+/.exec(background)?.[0])).toBeLessThan(60);

  await browser.click('#new-list');
  await until(browser, `document.getElementById('upload')`);
  await choose(browser, 'shop.csv', `Mail;Name\n${EMAILS.map((email) => `${email};N`).join('\n')}`);
  await reads(browser, '.found-counts', '60 rows: 60 different addresses');
  await browser.click('.submit-foot .button');
  await reads(browser, 'h1', 'shop');

  await publish(url, 30);
  await reads(browser, '.hero-numbers', '30 of 60 addresses processed');
  await publish(url, 60);
  await reads(browser, '.hero-share', '100%');
  await reads(browser, '.file-head .pill', 'Completed');
  await reads(browser, '.outcome-part.deliverable', '45 safe to send');
  expect(await browser.evaluate('document.title')).toBe('✓ · shop · Verigate');

  // What is above comes in meanwhile and moves the tabs: a click may fall beside them, or be refused.
  await eventually('the tab is chosen', async () => {
    if (await browser.evaluate(`location.hash.includes('status=undeliverable')`)) return true;
    await browser.click('.tab[data-status="undeliverable"]').catch(() => undefined);
    return false;
  });
  await reads(browser, '.range', '1–15 of 15');
  await search(browser, 'gmial');
  await until(browser, `location.hash.includes('email=gmial')`);
  await reads(browser, '.range', '1–15 of 15');
  await browser.click('.line .address-button');
  await until(browser, `document.querySelector('.detail')`);
  await browser.click('.downloads summary');
  const safe = `fetch(document.querySelector('.menu-item:nth-child(3)').href).then((answer) => answer.text())`;
  expect((await browser.evaluate<string>(safe)).trimEnd().split('\r\n').length).toBe(1 + 45);

  await browser.evaluate('(window.isOfBefore = true)');
  await browser.reload();
  await until(browser, '!window.isOfBefore');
  await reads(browser, '.range', '1–15 of 15');
  await until(browser, `document.querySelector('.detail')`);
  await reads(browser, '.line .address', 'n0@gmial.com');
  expect(await browser.complaints()).toEqual([]);

  // what is complained about is heard
  await browser.evaluate(`console.error('to be heard')`);
  await browser.evaluate(
    `void document.body.append(Object.assign(document.createElement('img'), { src: 'https://elsewhere.test/x.png' }))`,
  );
  await eventually('both are heard', async () => {
    const heard = (await browser.complaints()).join();
    return heard.includes('to be heard') && heard.includes('elsewhere.test');
  });
}

describeWhere(findChromium() !== undefined, 'no Chromium', 'the main way in Chromium', () => {
  it('from a file to a download, without a complaint', () => goTheMainWay(startChromium));
});

const others = { Firefox: [findFirefox(), startFirefox], WebKit: [findWebKit(), startWebKit] } as const;
for (const [name, [found, start]] of Object.entries(others)) {
  const why = found === undefined ? 'it is not there' : effort('it is tried in the thorough run', '');
  // Not required, in CI either: Debian has them, other systems may not.
  if (why) process.stderr.write(`SKIPPED: the main way in ${name}: ${why}\n`);
  (why ? describe.skip : describe)(`the main way in ${name}`, () => {
    it('from a file to a download, without a complaint', () => goTheMainWay(start));
  });
}
