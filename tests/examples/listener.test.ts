import { spawn } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { type Message, message, Producer } from '../support/producer.js';
import { ROOT } from '../support/program.js';
import { reruns } from '../support/reruns.js';
import { plainResults } from '../support/results.js';
import { onTeardown } from '../support/teardown.js';
import { Signal } from '../support/wait.js';

/** Starts the example. Fulfilled when its process is spawned. */
async function listening(url: string, fileId: string) {
  const child = spawn(process.execPath, ['dist/examples/listener.js', fileId], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, VERIGATE_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTeardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '', code: undefined as number | null | undefined };
  const signal = new Signal();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
    signal.changed();
  });
  child.once('close', (code) => {
    said.code = code;
    signal.changed();
  });
  return {
    /** Fulfilled when it has printed this progress. */
    until: (progress: string) =>
      signal.until(
        () => said.err.includes(progress),
        () => said.err,
      ),
    ended: async () => {
      await signal.until(
        () => said.code !== undefined,
        () => said.err,
      );
      return said;
    },
  };
}

describe('the example listener ends with the stored results after a batch', () => {
  test.each(Object.entries(reruns))('%s', async (_, messages) => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '5' });
    const producer = new Producer(url);
    await producer.register('f', { batches: [{ batchId: 'b' }, { batchId: 'the end' }] });
    const listener = await listening(url, 'f');
    // The listener is subscribed when it reports the first message. What came earlier is in its snapshot.
    const [first, ...others] = messages as readonly [Message, ...Message[]];
    await producer.update(first);
    await listener.until('processing');
    for (const said of others) await producer.update(said);
    await producer.update(message('the end', plainResults('z', 1), { isComplete: true }));
    const { code, out } = await listener.ended();
    expect(code).toBe(0);
    const held = out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const page = await producer.get('/api/files/f/emails?limit=500');
    const stored = (page.body.emails as Record<string, unknown>[]).map(
      ({ batchId, position, status, email }) => ({ batchId, position, status, email }),
    );
    const sorted = (list: Record<string, unknown>[]) => list.map((entry) => JSON.stringify(entry)).sort();
    expect(sorted(held)).toEqual(sorted(stored));
    expect(stored.length).toBeGreaterThan(1);
  });
});
