import { datasetOf } from '../support/dataset.js';
import type { Figure } from '../support/figures.js';
import { ofGateways } from './gateways.js';
import { LARGE, SMALL } from './sizes.js';
import { ofStores } from './stores.js';

/** Benchmark: does the size of a file change the cost of its next update, of its stats, or of a page? */
export async function fileSize(): Promise<Figure[]> {
  const small = await datasetOf(SMALL);
  const large = await datasetOf(LARGE);
  try {
    return [...(await ofGateways(small, large)), ...(await ofStores(small, large))];
  } finally {
    small.remove();
    large.remove();
  }
}
