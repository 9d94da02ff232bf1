import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';

/** What is to be undone after the test that is running, the last first. */
const teardowns: (() => unknown)[] = [];
export const onTeardown = (teardown: () => unknown): void => void teardowns.push(teardown);

afterEach(async () => {
  for (const teardown of teardowns.splice(0).reverse()) await teardown();
});

/** An empty directory of the test's own, gone after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'verigate-test-'));
  onTeardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
