import { expect, it } from '@jest/globals';
import { Announcer } from '../../src/pipeline/announcer.js';
import { ChangeGate } from '../../src/pipeline/change-gate.js';
import { Snapshots } from '../../src/snapshot/snapshots.js';
import type { Store } from '../../src/store/store.js';
import { addresses } from '../support/updates.js';
import { engine, gatewayOn } from './stage.js';

/** The store with the calls that it got, as `port.method`. */
function counted(store: Store): { store: Store; calls: string[] } {
  const calls: string[] = [];
  const port = (name: string, target: object) =>
    new Proxy(target, {
      get(_, method) {
        const value: unknown = Reflect.get(target, method, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          calls.push(`${name}.${String(method)}`);
          return value.apply(target, args);
        };
      },
    });
  const ports = new Proxy(store, {
    get(_, name) {
      const value: unknown = Reflect.get(store, name, store);
      return typeof value === 'object' && value !== null ? port(String(name), value) : value;
    },
  });
  return { store: ports, calls };
}

it('a thousand listeners who come to a quiet file of the embedded engine cost the store what one of them costs', async () => {
  const { register, take, flusher, store: inner, feed } = gatewayOn(await engine());
  await register({ fileId: 'f1', batches: ['b1'] });
  await take({ batchId: 'b1', emails: addresses(3), isComplete: true });
  const { store, calls } = counted(inner);
  const announcer = new Announcer(flusher, null, store.files, feed, new ChangeGate());
  const snapshots = new Snapshots(store, feed, announcer, 2 ** 24);
  const listen = () => snapshots.subscribed({ fileId: 'f1', feeds: ['stats', 'emails'], since: null });

  const first = (await listen()).parsed();
  expect(first).toMatchObject({
    stats: { progress: { processed: 3 } },
    emails: { pagination: { total: 3 } },
  });
  const afterOne = calls.length;
  expect(afterOne).toBeGreaterThan(0);
  for (let n = 0; n < 999; n++) await listen();
  expect(calls).toHaveLength(afterOne);
});
