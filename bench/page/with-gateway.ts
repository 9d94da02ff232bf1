import type { Browser } from 'playwright-core';
import type { Figure } from '../support/figures.js';
import { GatewayProcess } from '../support/gateway.js';

/** What is measured of the page that one gateway serves. */
export type Measure = (gateway: GatewayProcess, browser: Browser) => Promise<Figure[]>;

/** Measures the page of a gateway over this data, which goes afterwards. */
export async function withGateway(
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
