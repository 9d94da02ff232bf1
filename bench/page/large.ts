/** How soon the rows of a list of a million results are there. */
import type { Page } from 'playwright-core';
import { FILE } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { addressOf } from '../support/updates.js';
import { observedPage } from './observed.js';
import type { Measure } from './with-gateway.js';

const ROUNDS = 5;
const GOAL = { atMost: 500 };

const FILTERS: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
  'a verdict': (page) => page.locator('.tab[data-status="undeliverable"]').click(),
  'two verdicts': (page) => page.locator('.tab[data-status="risky"]').click(),
  'a reason': (page) => page.locator('select[aria-label="Reason"]').selectOption('invalid_domain'),
  'no filter again': (page) => page.getByRole('button', { name: 'Clear filters' }).click(),
  'a rare reason': (page) => page.locator('select[aria-label="Reason"]').selectOption('no_connect'),
  'a risk beside it': (page) => page.locator('select[aria-label="Risk level"]').selectOption('high'),
  'a domain': (page) => searched(page, '@shop.example'),
  'one address (with the 150 ms of a pause in typing)': (page) => searched(page, addressOf(777_777)),
};

async function searched(page: Page, text: string): Promise<void> {
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await settled(page);
  await page.getByRole('searchbox').fill(text);
}

/** The card is `asking` from the choice to the rows. */
const settled = (page: Page) => page.locator('.results-card:not(.asking)').waitFor();

export const large: Measure = async (gateway, browser) => {
  const first: number[] = [];
  const filtered: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const page = await observedPage(browser);
    const startedAt = performance.now();
    await page.goto(`${gateway.url}/#/files/${FILE}`);
    await page.locator('.line').nth(49).waitFor();
    first.push(performance.now() - startedAt);
    for (const [name, choose] of Object.entries(FILTERS)) {
      const answered = page.waitForResponse((response) => response.url().includes('/emails?'));
      const since = performance.now();
      await choose(page);
      await answered;
      await settled(page);
      filtered[name] = [...(filtered[name] ?? []), performance.now() - since];
    }
    await page.context().close();
  }
  const what = 'a list of 1,000,000';
  return [
    { what: `${what}: from the address to its first rows`, unit: 'ms', values: first, goal: GOAL },
    ...Object.entries(filtered).map(
      ([name, values]): Figure => ({ what: `${what}: ${name}`, unit: 'ms', values, goal: GOAL }),
    ),
  ];
};
