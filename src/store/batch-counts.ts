import type { BatchCounts, BatchStatus } from './store.js';

/** Counts by status from the groups that there are; `since` in milliseconds since 1970. */
export function batchCounts(
  groups: readonly { readonly status: BatchStatus; readonly count: number; readonly since: number }[],
): BatchCounts {
  const counts = (status: BatchStatus) => {
    const group = groups.find((one) => one.status === status);
    return group === undefined
      ? { count: 0, since: null }
      : { count: group.count, since: new Date(group.since).toISOString() };
  };
  return {
    waiting: counts('waiting'),
    running: counts('running'),
    stalled: counts('stalled'),
    completed: counts('completed'),
    failed: counts('failed'),
  };
}
