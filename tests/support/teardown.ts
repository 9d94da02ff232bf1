/** Clean-up after each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';

/** What to undo after the current test, in reverse order. */
const teardowns: (() => unknown)[] = [];
export const onTeardown = (teardown: () => unknown): void => void teardowns.push(teardown);

afterEach(async () => {
  for (const teardown of teardowns.splice(0).reverse()) await teardown();
});

/** An empty directory that is deleted after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'verigate-test-'));
  onTeardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
