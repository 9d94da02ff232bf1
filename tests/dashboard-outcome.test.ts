/** The page of a list that has come out: charts, lists of what is left, languages, keys, barriers, delivery. */
import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { barriersIn } from './support/axe.js';
import { describeInBrowser } from './support/browser.js';
import { effort } from './support/effort.js';
import { eventually } from './support/eventually.js';
import { sharedGateway, startTestGateway } from './support/gateway.js';
import { fileHash, lines, reads, shiftsOf } from './support/page.js';
import { emailsOf, sliceValidator } from './support/slice-validator.js';
import { addresses, entry, type Message, updateMessage } from './support/updates.js';

const WEBHOOKS = { WEBHOOKS_ALLOW_PRIVATE: 'true' };

async function publish(url: string, said: Message): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify(updateMessage(said));
  expect((await fetch(`${url}/api/updates`, { method: 'POST', headers, body })).status).toBe(202);
}

const bad = (email: string, subStatus: string) =>
  entry(email, { status: 'undeliverable', risk: 'high', subStatus });
const unknown = (email: string) => entry(email, { status: 'unknown', risk: 'none', subStatus: 'Timeout' });

/** Forty characters. */
const LONG = 'somebody.with.a.long.name@department.example';
const mixed = [
  ...addresses(20, 'ok'),
  entry(LONG),
  ...[1, 2, 3].map((n) => bad(`typo${n}@gmial.com`, 'Invalid Domain')),
  bad('gone@example.org', 'Rejected Email'),
  unknown('ünsure, "one"@example.net'),
  unknown('two@example.net'),
];

async function publishMixed(url: string, fileId: string): Promise<void> {
  const said = { fileId, batchId: `${fileId}-b`, emails: mixed, totalEmails: mixed.length };
  await publish(url, { ...said, isComplete: true });
}

const isCut = (element: unknown): boolean => {
  const { scrollWidth, clientWidth } = element as { scrollWidth: number; clientWidth: number };
  return scrollWidth > clientWidth;
};
const chart = (page: Page, name: string) => page.locator('.insight').filter({ hasText: name });
/** In a chart: `gmail.com 12`. */
const rowsOf = async (page: Page, name: string) =>
  (await chart(page, name).locator('tbody tr').all()).reduce<Promise<string[]>>(async (before, row) => {
    const cells = [row.locator('th'), row.locator('td.number').first()];
    return [...(await before), (await Promise.all(cells.map((cell) => cell.textContent()))).join(' ')];
  }, Promise.resolve([]));

describeInBrowser('the outcome of a list', (open) => {
  const shared = sharedGateway(() => WEBHOOKS);

  it('says what is in a list, as charts that are tables, and searches what is clicked', async () => {
    const url = shared();
    await publishMixed(url, 'charts');
    const { page, complaints } = await open(`${url}${fileHash('charts')}`);
    await reads(page.locator('.typos .chip'), 'gmial.com → gmail.com: 3 addresses');
    expect(await rowsOf(page, 'Domains')).toEqual([
      'example.com 20',
      'gmial.com 3',
      'example.net 2',
      'department.example 1',
      'example.org 1',
    ]);
    const first = chart(page, 'Domains').locator('tbody tr').first();
    await reads(first.locator('.rank-bars .unseen-text'), 'Deliverable: 20');
    const steps = chart(page, 'Scores').locator('tbody td');
    expect(await steps.count()).toBe(10);
    const total = (await steps.allTextContents()).reduce((sum, text) => sum + Number(text), 0);
    const without = (await chart(page, 'Scores').locator('.insight-note').textContent()) ?? '';
    expect(total + Number.parseInt(without || '0', 10)).toBe(mixed.length);

    await page.locator('.typos .chip').click();
    await reads(page.locator('.range'), '1–3 of 3');
    expect(new URL(page.url()).hash).toContain('email=%40gmial.com');
    await chart(page, 'Domains').getByRole('button', { name: 'example.net' }).click();
    await reads(page.locator('.range'), '1–2 of 2');
    expect(await complaints()).toEqual([]);
  });

  it('counts domains only when a list is done, and shows the sums meanwhile', async () => {
    const url = shared();
    const said = { fileId: 'running', batchId: 'running-b', totalEmails: 40 };
    const few = [bad('first@example.org', 'Rejected Email'), ...addresses(2)];
    await publish(url, { ...said, emails: few });
    const { page } = await open(`${url}${fileHash('running')}`);
    await reads(page.locator('.outcome-part.deliverable'), '2 safe to send');
    const before = await shiftsOf(page);
    await publish(url, { ...said, emails: mixed });
    await reads(page.locator('.outcome-part.deliverable'), '21 safe to send');
    const moved = (await shiftsOf(page)) - before;
    expect(moved).toBeLessThan(0.0003);
    await reads(chart(page, 'Domains').locator('.insight-note'), 'Counted when the list is done.');
    await chart(page, 'Scores').locator('rect').first().waitFor({ state: 'attached' });
    await publish(url, { ...said, emails: mixed, isComplete: true });
    await reads(page.locator('.typos .chip'), 'gmial.com → gmail.com: 3 addresses');
    await reads(page.locator('.stuck p'), '13 addresses got no answer.');
  });

  it('leads through its rows by the arrow keys, as one stop of the Tab key, and cuts no address', async () => {
    const url = shared();
    await publishMixed(url, 'keys');
    const { page } = await open(`${url}${fileHash('keys')}`, { viewport: { width: 1024, height: 768 } });
    await lines(page).nth(26).waitFor();
    const rows = page.locator('.address-button');
    expect(await page.locator('.address-button[tabindex="0"]').count()).toBe(1);
    await rows.first().focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowDown']) await page.keyboard.press(key);
    const focused = page.locator(':focus');
    expect(await focused.getAttribute('title')).toBe('ok2@example.com');
    await page.keyboard.press('End');
    expect(await focused.getAttribute('title')).toBe('two@example.net');
    await page.keyboard.press('Enter');
    await page.locator('.detail').waitFor();
    await page.keyboard.press('Tab');
    expect(await focused.getAttribute('aria-label')).toBe('Copy the address');
    const address = page.locator('.address', { hasText: LONG });
    for (const element of [address, page.locator('.address-cell', { hasText: LONG })])
      expect(await element.evaluate(isCut)).toBe(false);
    expect((await address.boundingBox())?.height).toBeLessThan(26);
  });

  it('comes back to the same place with the same rows open, by Back and by a reload', async () => {
    const url = shared();
    await publishMixed(url, 'place');
    const { page, complaints } = await open(`${url}${fileHash('place')}`);
    const third = lines(page).nth(2).locator('.address-button');
    await page.locator('.typos .chip').waitFor();
    await lines(page).nth(26).waitFor();
    await third.click();
    await page.locator('.detail').waitFor();
    const scrolled = () => page.evaluate<number>('scrollY');
    const kept = () => page.evaluate<number>('history.state?.top ?? 0');
    const clickedAt = await scrolled();
    await page.mouse.wheel(0, 600);
    // What is above may still grow, and takes the place along.
    await eventually('the place is kept', async () => {
      const top = await scrolled();
      return top > clickedAt && Math.abs((await kept()) - top) < 2;
    });
    const top = await kept();
    const isBack = async () => {
      await page.locator('.detail').waitFor();
      await eventually('the place is back', async () => Math.abs((await scrolled()) - top) < 2);
      expect(await third.getAttribute('aria-expanded')).toBe('true');
    };
    await page.reload();
    await isBack();
    await page.getByRole('link', { name: 'Verigate, all lists' }).click();
    await page.locator('.file-row').first().waitFor();
    expect(await scrolled()).toBe(0);
    await page.goBack();
    await isBack();
    // closed by the user, it stays closed
    await third.click();
    await page.reload();
    await lines(page).nth(26).waitFor();
    expect(await page.locator('.detail').count()).toBe(0);
    expect(await complaints()).toEqual([]);
  });

  it('comes back to the place though the page is short for a while meanwhile', async () => {
    const url = shared();
    await publishMixed(url, 'short');
    const { page } = await open(`${url}${fileHash('short')}`);
    await lines(page).nth(26).waitFor();
    const isAt = (top: number) => () => page.evaluate<boolean>(`Math.abs(scrollY - ${top}) < 2`);
    await page.evaluate('scrollTo(0, 500)');
    await eventually('the place is kept', () => page.evaluate<boolean>('history.state?.top === 500'));
    await page.clock.install();
    await page.reload();
    await eventually('the place is back', isAt(500));
    await page.evaluate("document.querySelector('main').hidden = true");
    await eventually('the page is short', isAt(0));
    await page.clock.runFor(10_000);
    await page.evaluate("document.querySelector('main').hidden = false");
    await eventually('the place is back', isAt(500));
  });

  it('shows no rows for filters that could not be asked for, and offers what is safe once it is done', async () => {
    const url = shared();
    await publishMixed(url, 'offline');
    const { page } = await open(`${url}${fileHash('offline')}`);
    await lines(page).nth(26).waitFor();
    await page.context().setOffline(true);
    await page.getByRole('searchbox').fill('gmial');
    await page.getByText('The server cannot be reached. These addresses').waitFor();
    expect(await lines(page).first().isVisible()).toBe(false);
    await page.context().setOffline(false);
    await reads(page.locator('.range'), '1–3 of 3');
    const arrives = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download 21 safe to send' }).click();
    expect((await arrives).suggestedFilename()).toBe('offline-deliverable.csv');
  });

  it('says where the message of its end is to be sent', async () => {
    const url = shared();
    await publishMixed(url, 'told');
    const { page } = await open(`${url}${fileHash('told')}`);
    await page.getByRole('button', { name: 'Webhook' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('URL').fill('ftp://example.com/');
    await dialog.getByRole('button', { name: 'Send it there' }).click();
    await reads(dialog.getByRole('alert'), /^The webhook was not set up\. ./);
    await dialog.getByLabel('URL').fill('http://127.0.0.1:9/hook');
    await dialog.getByRole('button', { name: 'Send it there' }).click();
    await reads(dialog.locator('.secret'), /^whsec_/);
    const { items } = (await (await fetch(`${url}/api/webhooks`)).json()) as {
      items: { url: string; fileId: string }[];
    };
    expect(items).toMatchObject([{ url: 'http://127.0.0.1:9/hook', fileId: 'told' }]);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  it('speaks German where the browser does, English where that is chosen, and remembers it', async () => {
    const url = shared();
    await publishMixed(url, 'deutsch');
    const { page, complaints } = await open(`${url}${fileHash('deutsch')}`, { locale: 'de-DE' });
    await reads(page.locator('.outcome-part.deliverable'), '21 sicher');
    await reads(page.locator('.verdict-share').first(), /^77,8\s%$/);
    await reads(page.locator('.typos .chip'), 'gmial.com → gmail.com: 3 Adressen');
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    expect(await page.locator('#new-list').getAttribute('aria-label')).toBe('Liste prüfen');
    await page.getByLabel('Sprache').selectOption('en');
    await reads(page.locator('.outcome-part.deliverable'), '21 safe to send');
    await page.reload();
    await reads(page.locator('.outcome-part.deliverable'), '21 safe to send');
    expect(await complaints()).toEqual([]);
  });

  it('has no barriers that axe-core knows, in both themes and each view', async () => {
    const url = shared();
    const emails = [entry(LONG), bad('a@gmial.com', 'Invalid Domain'), unknown('b@example.net')];
    await publish(url, { fileId: 'axe', batchId: 'axe-b', emails, totalEmails: 4, isComplete: true });
    const views = [fileHash('axe'), '/#/', '/#/new', fileHash('nobody')];
    const phone = { width: 375, height: 740 };
    const viewports = [undefined, phone].slice(0, effort(1, 2));
    for (const colorScheme of ['light', 'dark'] as const)
      for (const viewport of viewports) {
        const { page } = await open(`${url}${views[0]}`, { colorScheme, ...(viewport && { viewport }) });
        await lines(page).first().locator('.address-button').click();
        if (viewport === undefined) await page.locator('.typos .chip').waitFor();
        for (const view of views) {
          await page.goto(`${url}${view}`);
          await page.locator('main h1, main h2').first().waitFor();
          // The themes differ in their colours only.
          const rules = colorScheme === 'light' ? undefined : ['color-contrast'];
          expect([colorScheme, view, await barriersIn(page, rules)]).toEqual([colorScheme, view, []]);
        }
      }
  });

  it('comes as few small files, which browsers may keep', async () => {
    const url = shared();
    await publishMixed(url, 'cold');
    const { page } = await open('about:blank');
    const sizes: Promise<number>[] = [];
    page.on('requestfinished', (request) => {
      sizes.push(
        request
          .sizes()
          .then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize),
      );
    });
    await page.goto(`${url}${fileHash('cold')}`);
    await page.locator('.typos .chip').waitFor();
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    // One more for the socket, which is no HTTP response.
    expect(sizes.length + 1).toBeLessThanOrEqual(12);
    expect(bytes).toBeLessThanOrEqual(60_000);
    expect(bytes).toBeGreaterThan(20_000);
    const html = await (await fetch(url)).text();
    const script = /src="(assets\/main-[A-Z0-9]{8}\.js)"/.exec(html)?.[1];
    const answer = await fetch(`${url}/${script}`, { headers: { 'accept-encoding': 'br, gzip' } });
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(answer.headers.get('content-encoding')).toBe('br');
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('vary')).toContain('Accept-Encoding');
    const other = await fetch(`${url}/${script}`, { headers: { 'accept-encoding': 'gzip' } });
    expect(other.headers.get('content-encoding')).toBe('gzip');
    expect(await answer.text()).toBe(await other.text());
  });
});

describeInBrowser('what is left of a list', (open) => {
  it('is validated again: what got no answer with all its columns, and what is unknown', async () => {
    const validator = await sliceValidator();
    const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
    const { page } = await open(`${url}/#/new`);
    const all = emailsOf(4);
    const rows = ['Name;Mail', ...all.map((email, n) => `N${n};${email}`)];
    await page.locator('#upload').setInputFiles({
      name: 'shop.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(rows.join('\n')),
    });
    await page.getByRole('button', { name: 'Validate 4 addresses' }).click();
    await reads(page.locator('h1'), 'shop');
    const [first, second] = all as [string, string];
    const emails = [entry(first), unknown(second)];
    await publish(url, { batchId: 'r1-b1', emails, totalEmails: 2, isComplete: true });
    const failed = await fetch(`${url}/api/files/shop/batches/r1-b2/fail`, {
      method: 'POST',
      body: '{"reason":"silent"}',
    });
    expect(failed.status).toBe(200);
    await reads(page.locator('.stuck p'), '2 addresses got no answer.');
    await page.getByRole('link', { name: 'Validate these again' }).click();
    await reads(page.locator('.found-name'), 'shop unanswered.csv');
    await reads(page.locator('.found-counts'), '2 rows: 2 different addresses');
    await reads(page.locator('.column-name').first(), 'Name');
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('shop unanswered');
    await page.getByRole('button', { name: 'Validate 2 addresses' }).click();
    await reads(page.locator('h1'), 'shop unanswered');
    expect(validator.accepted).toEqual([all, all.slice(2)]);

    await page.goto(`${url}${fileHash('shop')}`);
    await page.getByRole('link', { name: 'Validate the 1 unknown one again' }).click();
    await reads(page.locator('.found-counts'), '1 row: 1 different address');
    await page.getByRole('button', { name: 'Validate 1 address' }).click();
    await reads(page.locator('h1'), 'shop unknown');
    expect(validator.accepted.at(-1)).toEqual([second]);
  });
});
