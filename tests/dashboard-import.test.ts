import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { barriersIn } from './support/axe.js';
import { describeInBrowser } from './support/browser.js';
import { effort } from './support/effort.js';
import { startTestGateway } from './support/gateway.js';
import { reads } from './support/page.js';
import { emailsOf, sliceValidator } from './support/slice-validator.js';
import { entry, updateMessage } from './support/updates.js';
import { always, standIn } from './validator/stand-in.js';

const LISTS = 'tests/fixtures/lists/';

interface Expected {
  readonly format?: string;
  readonly emailColumn?: number | null;
  readonly rows?: number;
  readonly unique?: number | null;
  readonly repeats?: number | null;
  readonly withoutAt?: number | null;
  readonly addresses?: string[];
  readonly refused?: number;
}

const EXPECTED = JSON.parse(readFileSync(`${LISTS}expected.json`, 'utf8')) as Record<string, Expected>;
const KINDS: Record<string, RegExp> = { csv: /^CSV, /, text: /^Text, /, xlsx: /^Excel workbook$/ };

const upload = (page: Page, name: string, text: string) =>
  page.locator('#upload').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
const submitButton = (page: Page) => page.getByRole('button', { name: /^Validate/ });
/** The browser itself logs the refusals that a test asks for. */
const unasked = (complaints: string[]) => complaints.filter((text) => !text.startsWith('Failed to load'));

async function checkFound(page: Page, name: string, expected: Expected): Promise<void> {
  await reads(page.locator('.found-name'), name);
  const { format = '', rows, unique, repeats, withoutAt } = expected;
  expect([name, await page.locator('.found-kind').textContent()]).toEqual([
    name,
    expect.stringMatching(KINDS[format] as RegExp),
  ]);
  const counts = (await page.locator('.found-counts').textContent()) ?? '';
  expect(counts).toMatch(new RegExp(`^${rows} rows?(:|$)`));
  if (unique) expect(counts).toContain(`: ${unique} different`);
  if (repeats) expect(counts).toContain(`, ${repeats} repeat`);
  if (withoutAt) expect(counts).toContain(`, ${withoutAt} without an @`);
  const marked = page.locator('.column-button[aria-pressed="true"]');
  if (expected.emailColumn === undefined) return;
  const columns = await page
    .locator('.column-button')
    .evaluateAll((all) => all.map((one) => (one as unknown as { ariaPressed: string | null }).ariaPressed));
  expect([name, columns.indexOf('true')]).toEqual([name, expected.emailColumn ?? -1]);
  if (expected.emailColumn === null) {
    expect(await submitButton(page).isDisabled()).toBe(true);
    await page.locator('.column-button').filter({ hasText: 'address' }).first().click();
    await marked.waitFor();
  }
}

describeInBrowser('the import of a list', (open) => {
  it('finds in sample lists what is in them, and sends just that (all of them in the thorough run)', async () => {
    const validator = await sliceValidator();
    const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
    const { page, complaints } = await open(`${url}/#/new`);
    const files = readdirSync(LISTS).filter((name) => name !== 'expected.json');
    expect(files.sort()).toEqual(Object.keys(EXPECTED).sort());
    let toSend = effort(4, files.length);
    // Each list is read in the tests of the lists; here it is the page that says what is in it.
    const chosen = Object.entries(EXPECTED).filter((_, n) => n % effort(3, 1) === 0);
    for (const [name, expected] of chosen) {
      await page.locator('#upload').setInputFiles(`${LISTS}${name}`);
      if (expected.refused !== undefined) {
        const code = expected.refused === 415 ? 'unsupported_list' : 'no_addresses';
        const refusal = page.locator('.refusal');
        await refusal.waitFor();
        expect([name, await refusal.getAttribute('data-code')]).toEqual([name, code]);
        continue;
      }
      await checkFound(page, name, expected);
      if (toSend-- <= 0) {
        await page.getByRole('button', { name: 'Another list' }).click();
        continue;
      }
      const before = validator.accepted.length;
      await submitButton(page).click();
      await page.locator('.file-head h1').waitFor();
      const sent = validator.accepted.slice(before).flat();
      if (expected.addresses?.length) expect([name, sent]).toEqual([name, expected.addresses]);
      else expect(sent.length).toBeGreaterThan(0);
      await page.goto(`${url}/#/new`);
      await page.locator('#upload').waitFor({ state: 'attached' });
    }
    expect(unasked(await complaints())).toEqual([]);
  });

  it('says the limits, what was found, and a name that is free', async () => {
    const { url } = await startTestGateway({ MAX_LIST_BYTES: '65536', MAX_LIST_ROWS: '500' });
    await publish(url, 'spring list', ['a@example.com']);
    const { page } = await open(`${url}/#/new`);
    await reads(page.locator('#list-limits'), /up to 64 kB and 500 rows/);
    await upload(page, 'spring list.csv', 'Mail;Name\na@x.com;A\nb@x.com;B\nA@x.com;A\nnone;N\n');
    await reads(page.locator('.found-kind'), 'CSV, UTF-8');
    await reads(page.locator('.found-counts'), '4 rows: 3 different addresses, 1 repeat, 1 without an @');
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('spring list 2');
    expect(await page.locator('.sample tbody tr').count()).toBe(4);

    await submitButton(page).click();
    await page.locator('.refusal[data-code="validator_not_configured"]').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('..');
    await submitButton(page).click();
    await reads(page.getByRole('alert').locator('li'), /^Name: /);
    expect(new URL(page.url()).hash).toBe('#/new');

    await page.getByRole('button', { name: 'Another list' }).click();
    await upload(page, 'large.csv', `Mail\n${'x'.repeat(70_000)}`);
    await reads(
      page.locator('.refusal[data-code="payload_too_large"] p'),
      /^A list may have 64 kB and 500 rows/,
    );
    await upload(page, 'long.csv', `Mail\n${emailsOf(600).join('\n')}`);
    await reads(page.locator('.refusal[data-code="payload_too_large"] li'), /^File: /);
  });

  it('takes pasted addresses, and does not validate them twice if the answer was lost', async () => {
    const validator = await sliceValidator();
    const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
    const { page } = await open(`${url}/#/new`);
    let lost = 0;
    await page.route('**/validations', async (route) => {
      if (lost > 0) return route.continue();
      // The gateway has answered; the page does not receive it.
      await route.fetch();
      lost++;
      await route.abort();
    });
    await page.getByLabel('Or paste the addresses').fill('\n  jane@example.com\t\n\n"Lee" <lee@example.com>');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Name', { exact: true }).fill('my list');
    await page.getByRole('button', { name: 'Validate 2 addresses' }).click();
    await page.locator('.refusal[data-code="unreachable"]').waitFor();
    await page.getByRole('button', { name: 'Validate 2 addresses' }).click();
    await reads(page.locator('h1'), 'my list');
    await reads(page.locator('.hero-numbers'), '0 of 2 addresses processed');
    expect([lost, validator.accepted]).toEqual([1, [['jane@example.com', 'lee@example.com']]]);
  });

  it('counts 100,000 pasted lines without a pause, and sends them with what was typed', async () => {
    const { url } = await startTestGateway();
    const { page, complaints } = await open(`${url}/#/new`);
    const box = page.getByLabel('Or paste the addresses');
    await box.fill('jane@example.com');
    const paste = (lines: number) =>
      page.evaluate(
        `{ const pasted = new DataTransfer();
           pasted.setData('text/plain', Array.from({ length: ${lines} }, (_, n) => n % 100 ? 'a' + n + '@x.com' : 'none').join('\\n'));
           document.getElementById('addresses').dispatchEvent(
             new ClipboardEvent('paste', { clipboardData: pasted, bubbles: true, cancelable: true })); }`,
      );
    expect(await paste(50)).toBe(true); // left to the browser
    expect(await paste(100_000)).toBe(false);
    await reads(page.locator('.pasted-lines'), '100,000 lines pasted, 99,000 with an @');
    expect(await barriersIn(page)).toEqual([]);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.locator('.pasted').waitFor({ state: 'hidden' });
    await paste(300);
    await page.getByRole('button', { name: 'Continue' }).click();
    await reads(
      page.locator('.found-counts'),
      '301 rows: 299 different addresses, 2 repeats, 3 without an @',
    );
    expect(await complaints()).toEqual([]);
  });

  it('replaces results only after a confirmation that says how many', async () => {
    const validator = await sliceValidator();
    const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
    await publish(url, 'mine', ['a@example.com', 'b@example.com']);
    const { page } = await open(`${url}/#/new`);
    await upload(page, 'other.csv', 'Mail\nnew@example.com\n');
    await page.getByLabel('Name', { exact: true }).fill('mine');
    await submitButton(page).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    expect([validator.accepted.length, new URL(page.url()).hash]).toEqual([0, '#/new']);
    await submitButton(page).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replace 2 results' }).click();
    await reads(page.locator('h1'), 'mine');
    expect(validator.accepted).toEqual([['new@example.com']]);
  });

  it('gives the uploaded file back with its verdicts', async () => {
    const result = { ...entry('ann@example.com'), is_valid: true };
    const validator = await standIn(
      always(200, {
        batchId: 'b1',
        status: 'completed',
        totalEmails: 1,
        processedEmails: 1,
        results: [result],
      }),
    );
    const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
    const { page, complaints } = await open(`${url}/#/new`);
    await upload(page, 'Käufer.csv', 'Name;Mail\nAnn;ann@example.com\nÄnne;\n');
    await submitButton(page).click();
    await reads(page.locator('.file-head .pill'), 'Completed');
    const arrives = page.waitForEvent('download');
    await page.locator('.downloads summary').click();
    expect(await page.locator('.menu-item').first().textContent()).toMatch(/^Your file with verdicts/);
    expect(await page.getByRole('link', { name: /^Excel/ }).getAttribute('href')).toMatch(
      /\/export\?format=xlsx&layout=original$/,
    );
    await page.getByRole('link', { name: /^Your file with verdicts/ }).click();
    const download = await arrives;
    expect(download.suggestedFilename()).toMatch(/^Käufer.*\.csv$/);
    expect(readFileSync(await download.path(), 'utf8')).toMatch(
      /^\ufeffName;Mail;verdict;reason;risk;score\r?\nAnn;ann@example\.com;deliverable;.*\r?\nÄnne;;;;;\r?\n$/,
    );
    expect(await complaints()).toEqual([]);
  });

  it('says what became of a submission, and sends uncertain addresses again when told to', async () => {
    const validator = await sliceValidator();
    const { url } = await startTestGateway({
      VALIDATOR_URL: validator.url,
      VALIDATOR_SLICE: '10',
      VALIDATOR_TIMEOUT_MS: '300',
    });
    const lost = validator.stopAt('accepted', 1);
    const { page } = await open(`${url}/#/new`);
    await upload(page, 'list.csv', `Mail\n${emailsOf(10).join('\n')}\n`);
    await submitButton(page).click();
    await lost;
    await reads(page.locator('h1'), 'list');
    const note = page.locator('.submission');
    await reads(note, /0 of 10 addresses sent to the validator.*about 10 addresses was lost/);
    await note.getByRole('button', { name: 'Send these again' }).click();
    await note.waitFor({ state: 'hidden' });
    expect(validator.accepted.length).toBe(2);
  });
});

async function publish(url: string, fileId: string, emails: string[]): Promise<void> {
  const said = { fileId, batchId: fileId, emails: emails.map((email) => entry(email)), isComplete: true };
  const body = JSON.stringify(updateMessage({ ...said, totalEmails: emails.length }));
  const headers = { 'content-type': 'application/json' };
  expect((await fetch(`${url}/api/updates`, { method: 'POST', headers, body })).status).toBe(202);
}
