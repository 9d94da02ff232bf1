import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeInBrowser } from '../support/browser.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { always, standIn } from '../validator/stand-in.js';

/** Would add an element to any page that took it for HTML, and would run in it. */
const HTML = '<img src=x onerror="ran=1">';
const NOTHING_RAN = "!('ran' in window)";

/** A result in which every text is HTML. */
const result = (email: string) => ({
  email,
  is_valid: false,
  status: 'undeliverable',
  risk_level: 'high',
  deliverability_score: 0,
  details: {
    general: { domain: HTML, reason: HTML, validation_method: HTML },
    attributes: { [HTML]: true },
    mail_server: { smtp_provider: HTML, mx_record: HTML, implicit_mx: HTML },
    blacklist: {
      is_blacklisted: true,
      blacklists_found: [HTML],
      blacklist_reasons: [HTML],
      reputation_score: HTML,
      last_checked: HTML,
    },
    sub_status: HTML,
  },
});

/** The text is there to be seen, and nowhere as anything but text. */
async function isText(page: Page): Promise<void> {
  await page.getByText(HTML).first().waitFor();
  expect(await page.locator('img, body script, [onerror]').count()).toBe(0);
  expect(await page.evaluate(NOTHING_RAN)).toBe(true);
}

describeInBrowser('the address of the page', (open) => {
  it('may say anything: a view is shown', async () => {
    const { url } = await startTestGateway();
    await new Producer(url).update(message('b', [result('ann@example.com')], { fileId: 'f' }));
    const { page, complaints } = await open(url);
    const trails = ['', '{', 'null', '5', '{}', '"x"', '[null,{}]', '["x"'];
    const fragments = [
      ...trails.map((trail) => `#/?trail=${encodeURIComponent(trail)}`),
      '#/files/f?status=x&risk=constructor&reason=__proto__&page=-1&limit=1e9&email=%00',
      '#/files/%E0%A4%A',
      '#/new?again=%7B&file=..%2F..&trail=%7B',
      '#javascript:alert(1)',
      '#/',
    ];
    for (const fragment of fragments) {
      await page.goto('about:blank');
      await page.goto(`${url}/${fragment}`);
      await page.locator('#main h1').waitFor({ timeout: 20_000 });
    }
    expect((await complaints()).filter((text) => !/status of 40[04]/.test(text))).toEqual([]);
  });
});

describeInBrowser('foreign HTML in the dashboard', (open) => {
  // Without the policy that forbids inline scripts: the page must not need it.
  const openAt = async (url: string) => (await open(url, { bypassCSP: true })).page;

  it('is text in the list of files, and in all views of a file', async () => {
    const { url } = await startTestGateway({ STALL_AFTER_MS: '20' });
    const producer = new Producer(url);
    const said = { fileId: HTML, totalBatches: 2 };
    await producer.update(message(`done ${HTML}`, [result(HTML)], { ...said, isComplete: true }));
    const silent = `silent ${HTML}`;
    await producer.update(message(silent, [result(`1${HTML}`)], { ...said, totalEmails: 9 }));

    const page = await openAt(url);
    await isText(page);
    await page.locator('.row-link').click();
    const rows = page.locator('.address-button');
    await rows.nth(1).waitFor();
    await rows.first().click();
    await page.locator('.detail summary').click();
    await page.locator('.detail pre').getByText(HTML.replaceAll('"', '\\"')).waitFor();
    await page.locator('.stalled-id').getByText(silent).waitFor();
    await isText(page);

    // What comes by the socket while it is open.
    await producer.update(message(silent, [result(`1${HTML}`), result(`2${HTML}`)], said));
    await page.locator('.tick-email').getByText(`2${HTML}`).waitFor();
    await page.locator('.address').getByText(`2${HTML}`).waitFor();
    await isText(page);

    await page.getByRole('searchbox').fill(`nobody ${HTML}`);
    await page.getByText('No address matches these filters.').waitFor();
    await page.locator('.stalled-batch button').click();
    await page.getByRole('dialog').getByText(HTML).first().waitFor();
    await page.getByRole('dialog').getByLabel('Reason').fill(HTML);
    await page.getByRole('button', { name: 'Fail the batch', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').waitFor();
    await isText(page);
    await page.getByRole('button', { name: 'Delete for good' }).click();
    await page.getByRole('heading', { name: 'This list was deleted' }).waitFor();
    expect(await page.evaluate(NOTHING_RAN)).toBe(true);
  });

  it('is text in a submission and in what the gateway refuses', async () => {
    const validator = await standIn(always(422, { detail: HTML }));
    const { url } = await startTestGateway({ VALIDATOR_URL: validator.url });
    const page = await openAt(`${url}/#/new`);
    await page.getByLabel('Or paste the addresses').fill('jane@example.com\njoe@example.com');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Name', { exact: true }).fill(HTML);
    // As if a gateway, or something before it, repeated what it was sent.
    await page.route('**/validations', (route) =>
      route.fulfill({
        status: 400,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          status: 400,
          code: 'invalid_request',
          title: HTML,
          detail: `the detail ${HTML}`,
          errors: [{ field: 'emails[1]', message: HTML }],
        }),
      }),
    );
    await page.getByRole('button', { name: 'Validate 2 addresses' }).click();
    await page.getByRole('alert').getByText(`the detail ${HTML}`).waitFor();
    await page.getByRole('alert').locator('li').getByText(HTML).first().waitFor();
    await isText(page);
  });

  it('is text in an address of the page', async () => {
    const { url } = await startTestGateway();
    const page = await openAt(`${url}/#/files/${encodeURIComponent(HTML)}`);
    await isText(page);
  });
});

test('no script of the page writes HTML', () => {
  const scripts = readdirSync('public/js', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.js'),
  );
  expect(scripts.length).toBeGreaterThan(20);
  for (const path of scripts)
    expect(readFileSync(join('public/js', path), 'utf8')).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|setHTML|DOMParser|srcdoc|document\.write|createContextualFragment|\beval\b|new Function/,
    );
});
