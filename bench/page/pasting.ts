/** How soon pasted addresses are counted, and whether the page stays alive meanwhile. */
import { observed, observedPage } from './observed.js';
import type { Measure } from './with-gateway.js';

const ROUNDS = 5;
const LINES = 100_000;

/** A paste, and the time until its count is said. */
const PASTE = `new Promise((resolve) => {
  const pasted = new DataTransfer();
  pasted.setData('text/plain', Array.from({ length: ${LINES} }, (_, n) => 'somebody' + n + '@example.com').join('\\n'));
  const said = document.querySelector('.pasted-lines');
  setTimeout(() => {
    observed.longTask = 0;
    const startedAt = performance.now();
    new MutationObserver(() => resolve(performance.now() - startedAt)).observe(said, { childList: true });
    document.getElementById('addresses').dispatchEvent(
      new ClipboardEvent('paste', { clipboardData: pasted, bubbles: true, cancelable: true }));
  }, 1000);
})`;

export const pasting: Measure = async (gateway, browser) => {
  const counted: number[] = [];
  const longest: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const page = await observedPage(browser);
    await page.goto(`${gateway.url}/#/new`);
    await page.locator('#addresses').waitFor();
    counted.push(await page.evaluate<number>(PASTE));
    longest.push((await observed(page)).longTask);
    await page.context().close();
  }
  const what = `${LINES.toLocaleString('en')} pasted lines`;
  return [
    { what: `${what}: counted`, unit: 'ms', values: counted, goal: { atMost: 300 } },
    {
      what: `${what}: longest task (0: none of 50 ms or more)`,
      unit: 'ms',
      values: longest,
      goal: { atMost: 50 },
    },
  ];
};
