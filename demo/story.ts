import { setTimeout } from 'node:timers/promises';
import { generateAddresses } from './addresses/addresses.js';
import { say } from './cli/program.js';
import { statsOf, submit } from './submit.js';

export interface StoryOptions {
  readonly gatewayUrl: string;
  /** Addresses a second; 0: no limit. */
  readonly rate: number;
  /** In the first list. */
  readonly addresses: number;
  readonly signal: AbortSignal;
}

/** The second list is so much shorter than the first, and comes when so much of the first may be done. */
const SHORTER = 8;
const PART_DONE = 0.25;
const LATEST_MS = 30_000;
const LOOK_EVERY_MS = 500;

/** Has two lists validated and tells what becomes of them. Fulfilled when both are done. @throws AbortError */
export async function tellStory({ gatewayUrl, rate, addresses, signal }: StoryOptions): Promise<void> {
  const shorter = Math.ceil(addresses / SHORTER);
  const pauseMs = rate === 0 ? 0 : Math.min((addresses / rate) * PART_DONE * 1000, LATEST_MS);
  const follow = async (fileId: string, emails: readonly string[]) => {
    await submit(gatewayUrl, fileId, emails, signal);
    say(`${fileId}: ${count(emails.length)} addresses submitted`);
    await end(gatewayUrl, fileId, signal);
  };
  const later = async () => {
    await setTimeout(pauseMs, undefined, { signal });
    await follow('demo-short', generateAddresses(shorter, 2));
  };
  await Promise.all([follow('demo', generateAddresses(addresses, 1)), later()]);
  say('Both lists are done. Submit one of your own on the dashboard, or end with Ctrl-C.');
}

/** Fulfilled when the file has ended. */
async function end(gatewayUrl: string, fileId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const stats = await statsOf(gatewayUrl, fileId, signal);
    if (stats === null) return say(`${fileId}: deleted`);
    const { processed, skipped } = stats.progress;
    if (stats.status === 'completed' || stats.status === 'failed') {
      const without = skipped === 0 ? '' : `, ${count(skipped)} skipped`;
      return say(`${fileId}: ${stats.status}, ${count(processed)} addresses processed${without}`);
    }
    await setTimeout(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** 5000 → 5,000 */
export const count = (value: number): string => value.toLocaleString('en');
