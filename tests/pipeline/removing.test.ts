import { expect, it } from '@jest/globals';
import type { Claimant } from '../../src/domain/ownership.js';
import { createMetrics } from '../../src/metrics.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { registration } from '../contracts/store/harness.js';
import { engine, gatewayOn } from './stage.js';

const user = (userId: string): Claimant => ({ userId, files: [], isAdmin: false });

it('deletes nothing that the validator keeps of a file of another owner', async () => {
  const { store, feed } = await engine();
  const { flusher } = gatewayOn({ store, feed });
  const deleted: string[] = [];
  const deleteValidatorResults = async (batchIds: readonly string[]) => void deleted.push(...batchIds);
  const gate = new ChangeGate();
  const pipeline = new Pipeline({
    store,
    feed,
    flusher,
    metrics: createMetrics(),
    gate,
    deleteValidatorResults,
  });
  await pipeline.register(registration({ fileId: 'f', batches: ['b1', 'b2'] }), user('jane'));
  await expect(pipeline.remove('f', user('joe'))).rejects.toMatchObject({ code: 'file_not_found' });
  expect(deleted).toEqual([]);
  expect(await pipeline.remove('f', user('jane'))).toBe(true);
  expect(deleted.sort()).toEqual(['b1', 'b2']);
});
