/** Counts the domains and providers of a file by reading all its results, and keeps them. */

import type { FileId } from '../domain/id.js';
import { domainOf } from '../domain/result.js';
import { ValueTally } from '../domain/value-tally.js';
import type { Status } from '../domain/verdict.js';
import { WorkTime } from '../portions.js';
import type { Store } from '../store/store.js';

/** Longer text is no domain name (RFC 1035). */
const MAX_DOMAIN = 253;
/** Longer text is no provider's name. */
const MAX_PROVIDER = 100;

interface ReadResult {
  readonly email: string;
  readonly status: Status;
  readonly details: { readonly mail_server?: { readonly smtp_provider?: unknown } | null } | null;
}

interface Tallies {
  readonly domain: ValueTally;
  readonly provider: ValueTally;
}

export async function countByScan(store: Store, fileId: FileId, stopping: AbortSignal): Promise<void> {
  const before = await store.changes.since(fileId, new Map());
  if (before === null) return;
  const first = { domain: new ValueTally(MAX_DOMAIN), provider: new ValueTally(MAX_PROVIDER) };
  if (!(await addAll(store, fileId, first, stopping))) return;
  // More values than are counted at a time: those that were left are counted exactly in a second scan.
  const domain = first.domain.survivors;
  const provider = first.provider.survivors;
  const counted = { domain: domain ?? first.domain, provider: provider ?? first.provider };
  if (domain !== null || provider !== null) {
    const unused = new ValueTally(0);
    const tallies = { domain: domain ?? unused, provider: provider ?? unused };
    if (!(await addAll(store, fileId, tallies, stopping))) return;
  }
  const after = await store.changes.since(fileId, new Map());
  const { facts, changes } = before;
  if (after?.facts.generation !== facts.generation || after.changes !== changes) return;
  await store.breakdowns.keep(fileId, facts.generation, changes, {
    domain: JSON.stringify(counted.domain.ranking()),
    provider: JSON.stringify(counted.provider.ranking()),
  });
}

/** False: the gateway is about to stop. */
async function addAll(
  store: Store,
  fileId: FileId,
  tallies: Tallies,
  stopping: AbortSignal,
): Promise<boolean> {
  const time = new WorkTime();
  for await (const slice of store.results.scan(fileId, {})) {
    if (stopping.aborted) return false;
    for (const { json } of slice) {
      if (time.isUp) await time.giveTurn();
      const { email, status, details } = JSON.parse(json) as ReadResult;
      tallies.domain.add(countedDomain(email), status);
      tallies.provider.add(providerOf(details), status);
    }
  }
  return true;
}

/** Spaces and upper case make no other domain. Megabytes, which are no domain, are not searched for capitals. */
function countedDomain(email: string): string | null {
  const domain = domainOf(email)?.trim() ?? null;
  return domain === null || domain.length > MAX_DOMAIN ? domain : domain.toLowerCase();
}

function providerOf(details: ReadResult['details']): string | null {
  const name = details?.mail_server?.smtp_provider;
  return typeof name === 'string' ? name.trim() : null;
}
