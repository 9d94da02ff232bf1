/** Has two sample lists validated by the gateway, and prints their progress. */
import { setTimeout } from 'node:timers/promises';
import { generateAddresses } from './addresses/addresses.js';
import { print } from './cli/program.js';
import { statsOf, submit } from './submit.js';

export interface SampleListOptions {
  readonly gatewayUrl: string;
  /** Addresses a second; 0: no limit. */
  readonly rate: number;
  /** Number of addresses in the first list. */
  readonly addresses: number;
  readonly signal: AbortSignal;
}

/** The second list is this many times shorter, and is submitted when about this part of the first is done. */
const SHORTER = 8;
const PART_DONE = 0.25;
const LATEST_MS = 30_000;
const LOOK_EVERY_MS = 500;

/** Fulfilled when both lists are done. @throws AbortError */
export async function validateSampleLists({
  gatewayUrl,
  rate,
  addresses,
  signal,
}: SampleListOptions): Promise<void> {
  const shorter = Math.ceil(addresses / SHORTER);
  const pauseMs = rate === 0 ? 0 : Math.min((addresses / rate) * PART_DONE * 1000, LATEST_MS);
  const follow = async (fileId: string, emails: readonly string[]) => {
    await submit(gatewayUrl, fileId, emails, signal);
    print(`${fileId}: ${count(emails.length)} addresses submitted`);
    await end(gatewayUrl, fileId, signal);
  };
  const later = async () => {
    await setTimeout(pauseMs, undefined, { signal });
    await follow('demo-short', generateAddresses(shorter, 2));
  };
  await Promise.all([follow('demo', generateAddresses(addresses, 1)), later()]);
  print('Both lists are done. Submit one of your own on the dashboard, or end with Ctrl-C.');
}

/** Waits until the file has ended, and prints the outcome. */
async function end(gatewayUrl: string, fileId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const stats = await statsOf(gatewayUrl, fileId, signal);
    if (stats === null) return print(`${fileId}: deleted`);
    const { processed, skipped } = stats.progress;
    if (stats.status === 'completed' || stats.status === 'failed') {
      const without = skipped === 0 ? '' : `, ${count(skipped)} skipped`;
      return print(`${fileId}: ${stats.status}, ${count(processed)} addresses processed${without}`);
    }
    await setTimeout(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** 5000 → 5,000 */
export const count = (value: number): string => value.toLocaleString('en');
