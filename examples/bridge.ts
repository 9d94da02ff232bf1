/**
 * Feeds the gateway from another validator: an HTTP API that judges one address at a time, here a Reacher of your own
 * (`POST /v0/check_email`). Addresses come on standard input, one a line.
 *
 *     npm run build && node dist/examples/bridge.js FILE_ID < addresses.txt
 *
 * CHECKER_URL (http://127.0.0.1:8080/v0/check_email), CHECKER_TOKEN (none; the header `Authorization`), CONCURRENCY (10),
 * VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none), BATCH_ID (FILE_ID: started again, it goes on as a run of
 * the same batch).
 *
 * For an API of another shape, change `check` and `resultOf`.
 */
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const {
  CHECKER_URL = 'http://127.0.0.1:8080/v0/check_email',
  CHECKER_TOKEN,
  CONCURRENCY = '10',
  VERIGATE_URL = 'http://127.0.0.1:3000',
  VERIGATE_TOKEN,
  BATCH_ID,
} = process.env;
const PUBLISH_EVERY_MS = 500;
const TRIES = 5;

/** What Reacher answers, as far as it is used here. */
interface Checked {
  readonly is_reachable: 'safe' | 'risky' | 'invalid' | 'unknown';
  readonly misc?: { readonly is_disposable?: boolean; readonly is_role_account?: boolean };
  readonly mx?: { readonly accepts_mail?: boolean; readonly records?: readonly string[] };
  readonly smtp?: {
    readonly is_catch_all?: boolean;
    readonly has_full_inbox?: boolean;
    readonly is_deliverable?: boolean;
  };
  readonly syntax?: { readonly domain?: string; readonly is_valid_syntax?: boolean };
}

const VERDICTS = {
  safe: { status: 'deliverable', risk_level: 'low', deliverability_score: 95, is_valid: true },
  risky: { status: 'risky', risk_level: 'medium', deliverability_score: 50, is_valid: true },
  invalid: { status: 'undeliverable', risk_level: 'high', deliverability_score: 0, is_valid: false },
  unknown: { status: 'unknown', risk_level: 'medium', deliverability_score: null, is_valid: null },
} as const;

/** Null: the checker gave up, or could not be asked. That is a verdict too, and the list goes on. */
function resultOf(email: string, checked: Checked | null): object {
  const { misc, mx, smtp, syntax } = checked ?? {};
  return {
    email,
    ...VERDICTS[checked?.is_reachable ?? 'unknown'],
    details: {
      general: { domain: syntax?.domain ?? '', reason: '', validation_method: 'reacher' },
      attributes: {
        disposable: misc?.is_disposable ?? false,
        role_account: misc?.is_role_account ?? false,
        catch_all: smtp?.is_catch_all ?? false,
        mailbox_full: smtp?.has_full_inbox ?? false,
      },
      mail_server: { mx_record: mx?.records?.[0] ?? null },
      sub_status: reasonOf(checked),
    },
  };
}

/** One of the reasons that the gateway counts. */
function reasonOf(checked: Checked | null): string | null {
  if (checked === null) return 'Unexpected Error';
  const { is_reachable, misc, mx, syntax } = checked;
  if (is_reachable === 'safe') return null;
  if (is_reachable === 'unknown') return 'No Connect';
  if (is_reachable === 'risky') return 'Low Deliverability';
  if (syntax?.is_valid_syntax === false) return 'Invalid Email';
  if (mx?.accepts_mail === false) return 'Invalid Domain';
  return misc?.is_disposable ? 'Disposable Email' : 'Rejected Email';
}

/** Tries again what may pass. @returns null where it is refused for good, or `tries` are used up */
async function post(url: string | URL, body: object, authorization: string | undefined, tries: number) {
  for (let attempt = 1; attempt <= tries; attempt++) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (response?.ok) return response.json();
    const mayPass = response === null || response.status === 429 || response.status >= 500;
    await response?.body?.cancel();
    if (!mayPass) return null;
    const wait = Number(response?.headers.get('retry-after')) * 1000 || Math.min(100 * 2 ** attempt, 30_000);
    if (attempt < tries) await setTimeout(wait);
  }
  return null;
}

const check = async (email: string): Promise<Checked | null> =>
  (await post(CHECKER_URL, { to_email: email }, CHECKER_TOKEN, TRIES)) as Checked | null;

async function bridge(fileId: string, emails: readonly string[]): Promise<void> {
  const batchId = BATCH_ID ?? fileId;
  const results = emails.map((): object | undefined => undefined);
  const send = async (update: object) => {
    // For as long as it takes: what is checked has been paid for.
    const token = VERIGATE_TOKEN === undefined ? undefined : `Bearer ${VERIGATE_TOKEN}`;
    const taken = await post(new URL('/api/updates', VERIGATE_URL), update, token, Number.POSITIVE_INFINITY);
    if (taken === null) throw new Error('the gateway refuses the update');
  };
  /** Cumulative: every result so far, in the order of the list; one that is not there yet holds up those after it. */
  const publish = async () => {
    const gap = results.indexOf(undefined);
    const validatedEmails = gap < 0 ? results : results.slice(0, gap);
    const processedCount = validatedEmails.length;
    const isComplete = processedCount === emails.length;
    await send({ batchId, fileId, isComplete, totalEmails: emails.length, processedCount, validatedEmails });
    process.stdout.write(`${processedCount} of ${emails.length}\n`);
    return isComplete;
  };
  const queue = emails.entries();
  const worker = async () => {
    for (const [index, email] of queue) results[index] = resultOf(email, await check(email));
  };
  const working = Promise.all(Array.from({ length: Number(CONCURRENCY) }, worker));
  do await Promise.race([working, setTimeout(PUBLISH_EVERY_MS)]);
  while (!(await publish()));
}

const [fileId] = process.argv.slice(2);
if (fileId === undefined) {
  process.stderr.write('Usage: node dist/examples/bridge.js FILE_ID < addresses.txt\n');
  process.exit(64);
}
const emails: string[] = [];
for await (const line of createInterface({ input: process.stdin })) if (line !== '') emails.push(line);
await bridge(fileId, emails);
