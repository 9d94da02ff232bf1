/** What a first visit to a list takes over the wire, and until it is painted. */
import type { Figure } from '../support/figures.js';
import { updateText } from '../support/updates.js';
import { observed, observedPage } from './observed.js';
import type { Measure } from './with-gateway.js';

const ROUNDS = 5;
const ADDRESSES = 2_000;

export const coldLoad: Measure = async (gateway, browser) => {
  const batch = { fileId: 'cold', batchId: 'cold-1', first: 0, total: ADDRESSES };
  await gateway.post('/api/updates', updateText(batch, ADDRESSES));
  const bodies: number[] = [];
  const whole: number[] = [];
  const requests: number[] = [];
  const lcp: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const page = await observedPage(browser);
    const sizes: Promise<{ responseBodySize: number; responseHeadersSize: number }>[] = [];
    page.on('requestfinished', (request) => sizes.push(request.sizes()));
    await page.goto(`${gateway.url}/#/files/cold`);
    await page.locator('.insight tbody tr').nth(10).waitFor();
    await page.waitForLoadState('networkidle');
    const all = await Promise.all(sizes);
    const body = all.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    bodies.push(body / 1000);
    whole.push((body + all.reduce((sum, { responseHeadersSize }) => sum + responseHeadersSize, 0)) / 1000);
    // The socket is no HTTP response.
    requests.push(all.length + 1);
    lcp.push((await observed(page)).lcp);
    await page.context().close();
  }
  const figures: Figure[] = [
    { what: 'cold load of a list: bodies', unit: 'kB', values: bodies, goal: { atMost: 60 } },
    { what: 'the same with headers', unit: 'kB', values: whole, goal: { atMost: 60 } },
    { what: 'the same, requests, the socket included', unit: '', values: requests, goal: { atMost: 12 } },
    { what: 'largest contentful paint', unit: 'ms', values: lcp, goal: { atMost: 1_000 } },
  ];
  return figures;
};
