/** Benchmark: what does the dashboard cost the person who looks at it? In Chromium, on the machine of the gateway. */
import { loadavg } from 'node:os';
import { chromium } from 'playwright-core';
import { findChromium, IN_CONTAINERS } from '../../tests/support/chromium.js';
import { datasetOf, emptyDataset } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { coldLoad } from './cold-load.js';
import { large } from './large.js';
import { pasting } from './pasting.js';
import { running } from './running.js';
import { withGateway } from './with-gateway.js';

export async function page(): Promise<Figure[]> {
  const load: Figure = {
    what: 'load of the machine before (it should be below 0.5)',
    unit: '',
    values: [loadavg()[0] ?? 0],
  };
  const browser = await chromium.launch({
    executablePath: findChromium() ?? 'chromium',
    args: IN_CONTAINERS,
  });
  try {
    return [
      load,
      ...(await withGateway(emptyDataset(), browser, coldLoad)),
      ...(await withGateway(emptyDataset(), browser, running)),
      ...(await withGateway(await datasetOf(1_000_000), browser, large)),
      ...(await withGateway(emptyDataset(), browser, pasting)),
    ];
  } finally {
    await browser.close();
  }
}
