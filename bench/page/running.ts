/** What a page costs its browser while 300 updates a second come in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { paced } from '../support/pace.js';
import { updateText } from '../support/updates.js';
import { counters, observed, observedPage } from './observed.js';
import type { Measure } from './with-gateway.js';

const UPDATES_PER_SECOND = 300;
/** `PAGE_SECONDS=600` for the ten minutes of a long look. */
const SECONDS = Number(process.env.PAGE_SECONDS ?? 180);
const LOOKS = 6;
/** Each batch grows by one address an update. */
const BATCH = 20;

export const running: Measure = async (gateway, browser) => {
  const updates = UPDATES_PER_SECOND * SECONDS;
  const batches = Array.from({ length: Math.ceil(updates / BATCH) }, (_, number) => ({
    batchId: `running-${number}`,
    totalEmails: BATCH,
  }));
  const list = { requestId: 'running', totalEmails: updates, batches };
  await gateway.post('/api/files/running/batches', JSON.stringify(list));
  const send = (index: number) => {
    const number = Math.floor(index / BATCH);
    const batch = { batchId: `running-${number}`, first: number * BATCH, total: BATCH };
    return gateway.post('/api/updates', updateText(batch, (index % BATCH) + 1));
  };
  await send(0);
  const page = await observedPage(browser);
  await page.goto(`${gateway.url}/#/files/running`);
  await page.locator('.line').first().waitFor();
  const look = await counters(page);
  const sendingSince = performance.now();
  const sent = paced(updates, UPDATES_PER_SECOND, send).then(
    () => (updates * 1000) / (performance.now() - sendingSince),
  );
  await sleep((SECONDS * 1000) / LOOKS);
  const [first, startedAt] = [await look(), performance.now()];
  const heap = [first.heapMb];
  let last = first;
  for (let n = 1; n < LOOKS; n++) {
    await sleep((SECONDS * 1000) / LOOKS);
    last = await look();
    heap.push(last.heapMb);
  }
  const busy = (100 * (last.taskMs - first.taskMs)) / (performance.now() - startedAt);
  const rate = await sent;
  const { cls } = await observed(page);
  await page.context().close();
  const over = `${UPDATES_PER_SECOND} updates a second for ${SECONDS} s`;
  return [
    {
      what: `${over}: those that were sent`,
      unit: '/s',
      values: [rate],
      goal: { atLeast: 0.95 * UPDATES_PER_SECOND },
    },
    { what: `${over}: main thread of the page`, unit: '%', values: [busy], goal: { atMost: 15 } },
    { what: `${over}: cumulative layout shift`, unit: '', values: [cls], goal: { atMost: 0.02 } },
    { what: `${over}: heap after a collection`, unit: 'MB', values: heap },
    {
      what: `${over}: heap at the end ÷ at the first look`,
      unit: '×',
      values: [last.heapMb / first.heapMb],
      goal: { atMost: 1.1 },
    },
  ];
};
