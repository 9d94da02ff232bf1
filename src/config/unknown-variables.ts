/** Finds environment variables that were probably meant for the gateway, and that it does not read. */

interface UnknownVariable {
  readonly name: string;
  /** The variable that may have been meant; null: none is like it. */
  readonly like: string | null;
}

/** What only names of ours begin with. Other programs have variables that begin with `MAX_`, `PORT` or `LOG_`. */
const OURS =
  /^(VERIGATE|VALIDATOR|FEED|STALL|QUEUE_STALL|HELD|DEAD_LETTER|IDEMPOTENCY|FLUSH|STREAM|RETENTION|LIST|WEBHOOKS?|JWT|JWKS|CORS)_/;
/** Kubernetes and Docker tell a container of the services beside it in variables of these forms. */
const OF_A_SERVICE = /_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)\w*)?)$/;
/** Shorter names are like too many others. */
const MIN_LENGTH = 6;
const MAX_EDITS = 2;

export function unknownVariables(env: NodeJS.ProcessEnv, known: readonly string[]): UnknownVariable[] {
  return Object.keys(env)
    .filter((name) => !known.includes(name) && !OF_A_SERVICE.test(name))
    .map((name) => ({ name, like: likeliest(name, known) }))
    .filter(({ name, like }) => like !== null || OURS.test(name));
}

function likeliest(name: string, known: readonly string[]): string | null {
  const upper = name.toUpperCase();
  if (upper !== name && known.includes(upper)) return upper;
  if (name.length < MIN_LENGTH) return null;
  const near = known
    .filter((one) => one.length >= MIN_LENGTH && Math.abs(one.length - name.length) <= MAX_EDITS)
    .map((one) => ({ one, edits: editsBetween(name, one) }))
    .filter(({ edits }) => edits <= MAX_EDITS)
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.one ?? null;
}

/** Letters to add, to drop or to replace (Levenshtein). */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
