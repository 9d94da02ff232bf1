/** Benchmark: what does the dashboard cost the person who looks at it? In Chromium, on the machine of the gateway. */
import { loadavg } from 'node:os';
import { type Browser, chromium } from 'playwright-core';
import { findChromium, IN_CONTAINERS } from '../../tests/support/chromium.js';
import { datasetOf, emptyDataset } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';
import { coldLoad } from './cold-load.js';
import { large } from './large.js';
import { pasting } from './pasting.js';
import { running } from './running.js';

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

export type Measure = (gateway: GatewayProcess, browser: Browser) => Promise<Figure[]>;

async function withGateway(
  { directory, remove }: { readonly directory: string; remove(): void },
  browser: Browser,
  measure: Measure,
): Promise<Figure[]> {
  const gateway = await GatewayProcess.start({ directory });
  try {
    return await measure(gateway, browser);
  } finally {
    await gateway.stop();
    remove();
  }
}
