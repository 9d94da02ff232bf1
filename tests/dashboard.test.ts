import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { EmailsPage, Stats } from '../src/client/index.js';
import { describeInBrowser } from './support/browser.js';
import { freePort } from './support/free-port.js';
import { sharedGateway, spawnGateway, startTestGateway, temporaryDirectory } from './support/gateway.js';
import { fileHash, isLive, lines, reads } from './support/page.js';
import { prefixProxy } from './support/prefix-proxy.js';
import { addresses, entry, type Message, updateMessage } from './support/updates.js';

async function publish(url: string, said: Message): Promise<void> {
  const response = await fetch(`${url}/api/updates`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(updateMessage(said)),
  });
  expect(response.status).toBe(202);
}

async function ask<T>(url: string, path: string): Promise<T> {
  const response = await fetch(`${url}/api${path}`);
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

/** What is read out of a list's progress. */
const said = (page: Page) => page.locator('.page > .unseen-text[role="status"]');

const some = [
  ...addresses(6, 'good'),
  entry('bad1@example.com', { status: 'undeliverable', risk: 'high', subStatus: 'Invalid Domain' }),
  entry('bad2@example.com', { status: 'undeliverable', risk: 'high', subStatus: 'Rejected Email' }),
  entry('odd@example.com', { status: 'risky', risk: 'medium', subStatus: 'Low Quality' }),
  entry('who@example.com', { status: 'unknown', risk: 'none', subStatus: 'Timeout' }),
];

describeInBrowser('the dashboard', (open) => {
  const shared = sharedGateway();

  it('shows an empty page on the first visit', async () => {
    const { url } = await startTestGateway();
    const { page, complaints } = await open(url);
    await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
    await isLive(page);
    expect(await page.title()).toBe('Lists · Verigate');
    expect(await complaints()).toEqual([]);
  });

  it('shows the numbers of the API', async () => {
    const url = shared();
    await publish(url, {
      fileId: 'numbers',
      batchId: 'b1',
      emails: some,
      isComplete: true,
      totalEmails: 12,
      totalBatches: 2,
    });
    await publish(url, { fileId: 'numbers', batchId: 'b2', emails: addresses(3, 'more'), totalEmails: 1234 });
    const { page, complaints } = await open(`${url}${fileHash('numbers')}`);
    const stats = await ask<Stats>(url, '/files/numbers/stats');

    await reads(page.locator('.hero-share'), `${stats.progress.percentage}%`);
    await reads(page.locator('.hero-numbers'), '13 of 1,246 addresses processed, 2 skipped');
    expect(stats.progress).toMatchObject({ processed: 13, total: 1246, skipped: 2 });
    await reads(page.locator('.tile').filter({ hasText: 'Batches' }).locator('.tile-value'), '1 / 2');
    expect(stats.batches).toMatchObject({ completed: 1, total: 2 });
    for (const status of ['deliverable', 'undeliverable', 'risky', 'unknown'] as const) {
      const { count, categories = {} } = stats.stats[status];
      await reads(page.locator(`.verdict.${status} .verdict-count`), String(count));
      expect(await page.locator(`.verdict.${status} .reason-count`).allTextContents()).toEqual(
        Object.values(categories).map(String),
      );
    }
    const risk = page.getByRole('region', { name: 'Risk' }).locator('.meter-count');
    expect(await risk.allTextContents()).toEqual(Object.values(stats.risk).map(String));
    const { emails } = await ask<EmailsPage>(url, '/files/numbers/emails');
    expect(await lines(page).locator('.address').allTextContents()).toEqual(emails.map(({ email }) => email));
    expect(await page.title()).toBe(`${stats.progress.percentage}% · numbers · Verigate`);
    expect(await complaints()).toEqual([]);
  });

  it('shows silent batches, and ends one of them', async () => {
    const { url } = await startTestGateway({ STALL_AFTER_MS: '20' });
    await publish(url, {
      fileId: 'f1',
      batchId: 'slow <b>',
      emails: addresses(5),
      totalEmails: 20,
      totalBatches: 2,
    });
    await publish(url, {
      fileId: 'f1',
      batchId: 'done',
      emails: addresses(3),
      isComplete: true,
      totalEmails: 3,
    });
    const { page, complaints } = await open(`${url}${fileHash('f1')}`);
    const card = page.getByRole('region', { name: 'Stalled batches' });
    await reads(card.locator('.stalled-id'), 'slow <b>');
    await reads(card.locator('.stalled-batch .muted'), /^5 of 20, last news /);
    await reads(page.locator('.file-head .pill'), 'Stuck');
    await reads(page.locator('.stuck p'), /^Stuck since \d\d:\d\d: 15 addresses got no answer\.$/);
    expect(await page.locator('.tile-value').allTextContents()).toEqual([
      '–',
      '–',
      '1 / 2',
      expect.anything(),
    ]);
    await card.getByRole('button', { name: 'Fail the batch slow <b>' }).click();
    await page.getByRole('textbox', { name: 'Reason' }).fill('the worker is gone');
    const shot = process.env.SCREENSHOTS;
    if (shot) await page.screenshot({ path: `${shot}/stalled.png` });
    await page.getByRole('button', { name: 'Fail the batch', exact: true }).click();
    await reads(page.locator('.file-head .pill'), 'Failed');
    await card.waitFor({ state: 'hidden' });
    // The list did not come from here: the gateway has no addresses of it to be validated again.
    await reads(page.locator('.stuck p'), '15 addresses got no answer.');
    expect(await page.locator('.stuck a').isVisible()).toBe(false);
    await reads(page.locator('.tile').filter({ hasText: 'Took' }).locator('.tile-value'), /second|\d/);
    expect(await ask<Stats>(url, '/files/f1/stats')).toMatchObject({
      status: 'failed',
      progress: { processed: 8 },
      batches: { total: 2, completed: 1, failed: 1, stalled: 0 },
    });
    expect(await complaints()).toEqual([]);
  });

  it('shows hostile text as text', async () => {
    const { url } = await startTestGateway();
    const fileId = '<img src=x onerror="document.title=1">\u202e/..?#&%2e<script>';
    const long = `${'x'.repeat(5000)}@example.com`;
    const hostile = [
      '<img src=x onerror="document.title=1">',
      '\u202emoc.elgoog@evil.example',
      'nul\u0000@example.com',
      '',
      'שלום@example.com',
      ' space @example.com',
      long,
      entry('r@example.com', { reason: '<b>550</b>\r\nSet-Cookie: x\u2028', status: 'risky' }),
    ];
    await publish(url, {
      fileId,
      batchId: 'b',
      emails: hostile,
      isComplete: true,
      totalEmails: hostile.length,
    });
    const { page, complaints } = await open(url);
    await reads(page.locator('.row-id'), fileId.replace('\u202e', 'RLO'));
    await page.locator('.row-link').click();
    await reads(page.locator('h1'), fileId.replace('\u202e', 'RLO'));

    const shown = page.locator('.line .address');
    await reads(shown.nth(0), '<img src=x onerror="document.title=1">');
    await reads(shown.nth(1), 'RLOmoc.elgoog@evil.example');
    await reads(shown.nth(2), 'nulNUL@example.com');
    await reads(shown.nth(3), '(empty)');
    await reads(shown.nth(4), 'שלום@example.com');
    expect(await shown.nth(1).locator('bdi').count()).toBe(1);
    // clipped, and shown in full on request
    expect((await shown.nth(6).textContent())?.length).toBeLessThan(200);
    await page.locator('.address-button').nth(6).click();
    await page.getByRole('button', { name: 'Show all 5,012 characters' }).click();
    expect(await page.getByLabel('The whole address').inputValue()).toBe(long);
    await page.locator('.address-button').nth(7).click();
    await reads(page.locator('.detail dd').filter({ hasText: '550' }), '<b>550</b>CRLFSet-Cookie: xLS');

    expect(await page.locator('main img, main script, main b').count()).toBe(0);
    expect(await complaints()).toEqual([]);
  });

  it('updates a file and the list without a reload', async () => {
    const { url } = await startTestGateway();
    await publish(url, { fileId: 'f1', batchId: 'b1', emails: addresses(5), totalEmails: 20 });
    const file = await open(`${url}${fileHash('f1')}`);
    const list = await open(url);
    await reads(file.page.locator('.hero-share'), '25%');
    await reads(list.page.locator('.row-share'), '25%');

    await publish(url, { fileId: 'f1', batchId: 'b1', emails: addresses(10), totalEmails: 20 });
    await reads(file.page.locator('.hero-share'), '50%');
    await reads(list.page.locator('.row-share'), '50%');
    await reads(said(file.page), 'Half done: 10 safe to send, 0 to remove.');
    expect(await file.page.title()).toBe('50% · f1 · Verigate');
    expect(await file.page.locator('link[rel="icon"]').getAttribute('href')).toBe('favicons/running-50.svg');
    await reads(file.page.locator('.tick-email').first(), 'a9@example.com');
    expect(await file.page.locator('.tick').count()).toBe(5);
    await lines(file.page).nth(9).waitFor();
    // an opened row stays open and keeps the focus while the page changes
    const third = file.page.locator('.address-button').nth(2);
    await third.click();

    await publish(url, {
      fileId: 'f1',
      batchId: 'b1',
      emails: addresses(20),
      totalEmails: 20,
      isComplete: true,
    });
    await reads(file.page.locator('.hero-share'), '100%');
    await reads(file.page.locator('.file-head .pill'), 'Completed');
    await reads(list.page.locator('.pill'), 'Completed');
    await lines(file.page).nth(19).waitFor();
    expect(await third.getAttribute('aria-expanded')).toBe('true');
    expect(await file.page.locator(':focus').getAttribute('title')).toBe('a2@example.com');
    // the ticker keeps only the newest twelve
    await file.page.locator('.tick').nth(11).waitFor();
    expect(await file.page.locator('.tick').count()).toBe(12);
    expect(await file.page.title()).toBe('✓ · f1 · Verigate');
    expect(await file.page.locator('link[rel="icon"]').getAttribute('href')).toBe('favicons/done.svg');
    await reads(said(file.page), 'Done: 20 safe to send, 0 to remove.');

    await publish(url, { fileId: 'f2', batchId: 'c1', emails: addresses(1), totalEmails: 2 });
    await reads(list.page.locator('.row-id').first(), 'f2');
    expect([...(await file.complaints()), ...(await list.complaints())]).toEqual([]);
  });

  it('filters, searches and pages', async () => {
    const url = shared();
    const emails = [...some, ...addresses(120, 'user')];
    await publish(url, {
      fileId: 'filtered',
      batchId: 'filtered-b1',
      emails,
      totalEmails: emails.length,
      isComplete: true,
    });
    const { page, complaints } = await open(`${url}${fileHash('filtered')}`);
    const range = page.locator('.range');
    await reads(range, '1–50 of 130');

    await page.getByRole('button', { name: 'Next page' }).click();
    await reads(range, '51–100 of 130');
    await reads(lines(page).first().locator('.address'), 'user40@example.com');
    await page.getByLabel('Addresses a page').selectOption('100');
    await reads(range, '1–100 of 130');
    // the URL names the page of results, so that a reload shows the same one
    await page.getByRole('button', { name: 'Next page' }).click();
    await reads(range, '101–130 of 130');
    await page.reload();
    await reads(range, '101–130 of 130');

    await page.getByRole('group', { name: 'Verdict' }).getByText('Undeliverable').click();
    await reads(range, '1–2 of 2');
    expect(await lines(page).locator('.address').allTextContents()).toEqual([
      'bad1@example.com',
      'bad2@example.com',
    ]);
    await page.getByRole('group', { name: 'Verdict' }).getByText('All').click();
    await page.getByLabel('Risk level').selectOption('medium');
    await reads(range, '1–1 of 1');
    await reads(lines(page).locator('.address'), 'odd@example.com');
    await page.getByLabel('Risk level').selectOption('');
    await page.getByRole('searchbox').fill('USER11');
    await reads(range, '1–11 of 11');
    await page.getByRole('searchbox').fill('nobody');
    await page.getByText('No address matches these filters.').waitFor();
    await page.getByRole('searchbox').fill('');
    // several verdicts, a reason, and the steps back
    await page.getByRole('group', { name: 'Verdict' }).getByText('Undeliverable').click();
    await page.getByRole('group', { name: 'Verdict' }).getByText('Risky').click();
    await reads(range, '1–3 of 3');
    await page.getByLabel('Reason').selectOption('low_quality');
    await reads(range, '1–1 of 1');
    await page.getByRole('button', { name: 'Low quality', exact: true }).click();
    await reads(range, '1–3 of 3');
    await page.goBack();
    await reads(range, '1–1 of 1');
    await page.goBack();
    await reads(range, '1–3 of 3');
    await page.reload();
    await reads(range, '1–3 of 3');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await reads(range, '1–100 of 130');
    await page.locator('.verdict.undeliverable .reason-button').filter({ hasText: 'Rejected' }).click();
    await reads(range, '1–1 of 1');
    await reads(lines(page).locator('.address'), 'bad2@example.com');
    await page.getByRole('searchbox').fill(' EXAMPLE.com ');
    await reads(range, '1–1 of 1');
    await page.locator('.verdict.risky .verdict-head').click();
    await reads(range, '1–1 of 1');
    await reads(lines(page).locator('.address'), 'odd@example.com');

    await lines(page).locator('.address-button').click();
    await reads(page.locator('.detail dd').filter({ hasText: 'Low' }), 'Low quality');
    expect(await complaints()).toEqual([]);
  });

  it('exports what the filter shows', async () => {
    const url = shared();
    await publish(url, {
      fileId: 'f 1/ü',
      batchId: 'exported-b1',
      emails: some,
      totalEmails: 10,
      isComplete: true,
    });
    const { page, complaints } = await open(`${url}${fileHash('f 1/ü')}?status=risky`);
    await lines(page).first().waitFor();
    const arrives = page.waitForEvent('download');
    await page.locator('.downloads summary').click();
    // the list was not uploaded: there is no file to give back
    expect(await page.getByRole('link', { name: /Your file/ }).count()).toBe(0);
    await page.getByRole('link', { name: /NDJSON/ }).click();
    const stream = await (await arrives).createReadStream();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const records = Buffer.concat(chunks).toString().trimEnd().split('\n');
    expect(records.map((record) => (JSON.parse(record) as { email: string }).email)).toEqual([
      'odd@example.com',
    ]);
    expect(await complaints()).toEqual([]);
  });

  it('deletes a file after a confirmation, on every open page', async () => {
    const url = shared();
    await publish(url, {
      fileId: 'doomed',
      batchId: 'doomed-b1',
      emails: addresses(3),
      totalEmails: 3,
      isComplete: true,
    });
    const mine = await open(`${url}${fileHash('doomed')}`);
    const other = await open(`${url}${fileHash('doomed')}`);
    await lines(other.page).first().waitFor();
    await mine.page.getByRole('button', { name: 'Delete' }).click();
    await mine.page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await lines(mine.page).first().waitFor();
    await mine.page.getByRole('button', { name: 'Delete' }).click();
    await mine.page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
    for (const { page } of [mine, other]) {
      await page.getByRole('heading', { name: 'This list was deleted' }).waitFor();
      expect(await page.getByText('@example.com').count()).toBe(0);
      expect(await page.locator('.file-head .pill').isVisible()).toBe(false);
    }
    expect((await fetch(`${url}/api/files/doomed`)).status).toBe(404);
    await mine.page.getByRole('link', { name: 'All lists', exact: true }).last().click();
    await mine.page.getByRole('heading', { name: 'Lists', exact: true }).waitFor();
    expect(await mine.page.getByText('doomed').count()).toBe(0);
    expect([...(await mine.complaints()), ...(await other.complaints())]).toEqual([]);
  });

  it('shows since when it is offline, and reconnects by itself', async () => {
    const env = { DATA_DIR: temporaryDirectory(), PORT: String(await freePort()) };
    const first = await spawnGateway(env);
    await publish(first.url, { fileId: 'f1', batchId: 'b1', emails: addresses(2), totalEmails: 10 });
    const { page, complaints } = await open(`${first.url}${fileHash('f1')}`);
    await isLive(page);
    await reads(page.locator('.hero-share'), '20%');

    await first.end('SIGKILL');
    await reads(page.locator('#connection'), /^\s*Offline since \d\d:\d\d:\d\d\s*$/);
    await page.locator('.banner').filter({ hasText: 'What you see is as of' }).waitFor();
    await reads(page.locator('.hero-share'), '20%');

    const second = await spawnGateway(env);
    await isLive(page);
    // a page that is opened now shows the stored results
    await page.reload();
    await lines(page).nth(1).waitFor();
    await isLive(page);
    await publish(second.url, { fileId: 'f1', batchId: 'b1', emails: addresses(5), totalEmails: 10 });
    await reads(page.locator('.hero-share'), '50%');
    await lines(page).nth(4).waitFor();
    // the browser itself logs failed requests; nothing else may be logged
    expect((await complaints()).filter((text) => !text.includes('net::ERR_'))).toEqual([]);
  });

  it('says what all lists add up to, finds one, and knows that there is none of a name', async () => {
    const { url } = await startTestGateway();
    await publish(url, { fileId: 'Spring', batchId: 'b1', emails: some, totalEmails: 10, isComplete: true });
    await publish(url, { fileId: 'autumn', batchId: 'b2', emails: addresses(4), totalEmails: 5 });
    const { page, complaints } = await open(url);
    const overview = page.locator('.overview');
    await reads(overview.locator('.outcome-part.deliverable'), '10 safe to send');
    await reads(overview.locator('.outcome-part.undeliverable'), '2 to remove');
    await reads(
      overview.locator('.overview-numbers'),
      '2 lists · 1 not finished · 14 of 15 addresses checked',
    );
    await page.getByRole('searchbox').fill('sPRi');
    await reads(page.locator('.row-id').first(), 'Spring');
    expect(await page.locator('.file-row').count()).toBe(1);
    await page.getByRole('searchbox').fill('winter');
    await page.getByText('No such name').waitFor();

    await page.goto(`${url}${fileHash('winter')}`);
    await page.getByRole('heading', { name: 'There is no such list' }).waitFor();
    expect(await page.locator('.file-head .pill').isVisible()).toBe(false);
    await publish(url, { fileId: 'winter', batchId: 'b3', emails: addresses(1), totalEmails: 2 });
    await reads(page.locator('.hero-share'), '50%');
    // 0.5 % of what is safe to send
    await reads(page.locator('.bounce summary'), 'expected bounce 0.5%');
    expect(await complaints()).toEqual([]);
  });

  it('works under a path of its own, behind a proxy that takes it away', async () => {
    const url = shared();
    await publish(url, { fileId: 'proxied', batchId: 'proxied-b1', emails: some, totalEmails: 20 });
    const proxied = await prefixProxy(url, '/verigate');
    const { page, complaints } = await open(`${proxied}/verigate${fileHash('proxied')}`);
    await isLive(page);
    await reads(page.locator('.hero-share'), '50%');
    await publish(url, {
      fileId: 'proxied',
      batchId: 'proxied-b1',
      emails: addresses(20),
      totalEmails: 20,
      isComplete: true,
    });
    await reads(page.locator('.hero-share'), '100%');
    await page.getByRole('link', { name: 'Validate' }).click();
    await reads(page.locator('#list-limits'), /64 MB/);
    expect(await complaints()).toEqual([]);
  });

  it('fits on a phone', async () => {
    const url = shared();
    const emails = [`${'w'.repeat(300)}@example.com`, ...some];
    await publish(url, { fileId: 'f'.repeat(200), batchId: 'phone-b1', emails, totalEmails: 500 });
    const fileId = 'f'.repeat(200);
    const { page, complaints } = await open(url, { viewport: { width: 360, height: 740 } });
    const width = () => page.evaluate<number>('document.documentElement.scrollWidth');
    await page.locator('.row-link').first().waitFor();
    expect(await width()).toBe(360);
    await page.locator('.row-link', { hasText: fileId.slice(0, 60) }).click();
    await lines(page).nth(5).waitFor();
    await page.locator('.address-button').first().click();
    expect(await width()).toBe(360);
    await page.context().setOffline(true);
    await reads(page.locator('#connection'), /Offline since/);
    expect(await width()).toBe(360);
    await page.context().setOffline(false);
    await isLive(page);
    await page.getByRole('link', { name: 'Validate' }).click();
    await page.getByRole('heading', { name: 'Validate a list' }).waitFor();
    expect(await width()).toBe(360);
    expect(await complaints()).toEqual([]);
  });
});
