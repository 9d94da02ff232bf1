import { describe, expect, it } from '@jest/globals';
import { addresses } from '../support/updates.js';
import { engine, flaky, gatewayOn } from './stage.js';

describe('the file of a batch', () => {
  it('is known without asking the store where the batch was registered here', async () => {
    const { store, feed } = await engine();
    const { register, take } = gatewayOn({
      store: { ...store, updates: flaky(store.updates, { fileOfBatch: Infinity }) },
      feed,
    });
    await register({ fileId: 'f1', batches: ['b1'] });
    expect(await take({ batchId: 'b1', emails: addresses(3) })).toBe('applied');
    await expect(take({ batchId: 'b2', emails: addresses(3) })).rejects.toThrow('fileOfBatch');
  });
});
