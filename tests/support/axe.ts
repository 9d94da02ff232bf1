/** Looks for barriers in a page with axe-core. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

declare const axe: { run(options: object): Promise<{ violations: Violation[] }> };

/** What axe-core finds, each as its rule with the first element that breaks it; empty: nothing. `runOnly`: its rules. */
export async function barriersIn(page: Page, runOnly?: string[]): Promise<string[]> {
  // Not as a script of the page: its content security policy forbids that.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(SOURCE);
  // Without the type it would describe what it finds nothing wrong with, too, which takes longer than the rest.
  const options = { resultTypes: ['violations'], ...(runOnly && { runOnly }) };
  const { violations } = await page.evaluate((given) => axe.run(given), options);
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} (${nodes.length})`);
}
