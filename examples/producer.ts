/**
 * A producer over HTTP: registers a batch for a file, works through its addresses, and sends an update after every few.
 *
 *     npm run build && node dist/examples/producer.js FILE_ID ADDRESS…
 *
 * VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none), BATCH_ID (a new one).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

const { VERIGATE_URL = 'http://127.0.0.1:3000', VERIGATE_TOKEN, BATCH_ID = randomUUID() } = process.env;
const PUBLISH_EVERY = 5;
const TRIES = 8;

interface Result {
  readonly email: string;
  readonly is_valid: boolean;
  readonly status: 'deliverable' | 'undeliverable' | 'risky' | 'unknown';
  readonly risk_level: 'none' | 'low' | 'medium' | 'high';
  readonly deliverability_score: number;
  readonly details: object;
}

/** Replace this with your own validation. */
function validate(email: string): Result {
  const isValid = /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email);
  return {
    email,
    is_valid: isValid,
    status: isValid ? 'deliverable' : 'undeliverable',
    risk_level: isValid ? 'low' : 'high',
    deliverability_score: isValid ? 95 : 0,
    details: {
      general: { domain: email.split('@').at(-1) ?? '', reason: '', validation_method: 'syntax' },
      sub_status: isValid ? null : 'Invalid Email',
    },
  };
}

/** Updates and registrations are idempotent, so a temporary failure is retried. */
async function post(path: string, body: object): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(new URL(path, VERIGATE_URL), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(VERIGATE_TOKEN ? { authorization: `Bearer ${VERIGATE_TOKEN}` } : {}),
      },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (response?.ok) return response.json();
    const mayPass = response === null || response.status === 429 || response.status === 503;
    if (!mayPass || attempt === TRIES)
      throw new Error(`${path}: ${response?.status ?? 'unreachable'} ${await response?.text()}`);
    const wait = Number(response?.headers.get('retry-after')) * 1000 || 100 * 2 ** attempt;
    await setTimeout(wait);
  }
}

async function main(fileId: string, emails: readonly string[]): Promise<void> {
  const totalEmails = emails.length;
  await post(`/api/files/${encodeURIComponent(fileId)}/batches`, {
    batches: [{ batchId: BATCH_ID, totalEmails }],
  });
  const validatedEmails: Result[] = [];
  for (const email of emails) {
    validatedEmails.push(validate(email));
    const isComplete = validatedEmails.length === totalEmails;
    if (!isComplete && validatedEmails.length % PUBLISH_EVERY !== 0) continue;
    // Cumulative: each update carries every result so far, so the next one heals any that got lost.
    await post('/api/updates', {
      batchId: BATCH_ID,
      isComplete,
      totalEmails,
      processedCount: validatedEmails.length,
      lastUpdated: new Date().toISOString(),
      validatedEmails,
    });
    process.stdout.write(`${validatedEmails.length} of ${totalEmails}\n`);
  }
}

const [fileId, ...emails] = process.argv.slice(2);
if (fileId === undefined || emails.length === 0) {
  process.stderr.write('Usage: node dist/examples/producer.js FILE_ID ADDRESS…\n');
  process.exit(64);
}
await main(fileId, emails);
