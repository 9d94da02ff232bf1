/** The gateway's REST calls that the demo uses. */
import { setTimeout } from 'node:timers/promises';
import { Failure } from './cli/program.js';

const TRIES = 5;
const LONGEST_PAUSE_S = 10;

const pathOf = (fileId: string): string => `/api/files/${encodeURIComponent(fileId)}`;

/** Submits a list for validation, in place of what an earlier start has left. @throws Failure; any error of fetch */
export async function submit(
  gatewayUrl: string,
  fileId: string,
  emails: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify({ emails, replace: true }), signal };
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${gatewayUrl}${pathOf(fileId)}/validations`, request);
    const answer = await response.text();
    if (response.status === 202) return;
    const isBusy = response.status === 429 || response.status === 503;
    if (!isBusy || tries === TRIES) {
      throw new Failure(`the gateway did not accept the file ${fileId}: ${response.status} ${answer}`);
    }
    const seconds = Number(response.headers.get('retry-after')) || tries;
    await setTimeout(1000 * Math.min(seconds, LONGEST_PAUSE_S), undefined, { signal });
  }
}

/** The fields of a file's stats that the demo reads. */
export interface Stats {
  readonly status: string;
  readonly progress: { readonly total: number; readonly processed: number; readonly skipped: number };
}

/** The file's stats; null if the file does not exist. @throws any error of fetch */
export async function statsOf(
  gatewayUrl: string,
  fileId: string,
  signal: AbortSignal,
): Promise<Stats | null> {
  const response = await fetch(`${gatewayUrl}${pathOf(fileId)}/stats`, { signal });
  if (response.ok) return (await response.json()) as Stats;
  await response.arrayBuffer();
  if (response.status === 404) return null;
  throw new Failure(`the gateway did not return the stats of the file ${fileId}: ${response.status}`);
}
