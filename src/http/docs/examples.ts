/** An example of each JSON shape that people write or read first. A test checks the examples by the schemas. */

const time = '2026-11-28T10:11:12.123Z';

const stats = {
  fileId: 'customers-3f9a1c',
  epoch: 'm8x2',
  revision: 42,
  status: 'processing',
  progress: { total: 1000, processed: 320, skipped: 0, percentage: 32 },
  batches: { total: 7, completed: 2, failed: 0, stalled: 0 },
  stats: {
    deliverable: { count: 200 },
    undeliverable: {
      count: 60,
      categories: {
        invalid_email: 10,
        invalid_domain: 20,
        rejected_email: 20,
        invalid_smtp: 5,
        disposable_email: 3,
        blacklisted: 1,
        other: 1,
      },
    },
    risky: { count: 40, categories: { low_quality: 30, low_deliverability: 10, other: 0 } },
    unknown: {
      count: 20,
      categories: { no_connect: 5, timeout: 10, unavailable_smtp: 3, unexpected_error: 2, other: 0 },
    },
  },
  risk: { none: 0, low: 200, medium: 60, high: 60 },
  throughput: { emailsPerSecond: 48.2, etaSeconds: 14 },
  submission: null,
  createdAt: time,
  lastUpdated: time,
  completedAt: null,
};

const result = {
  email: 'jane@example.com',
  is_valid: true,
  status: 'deliverable',
  risk_level: 'low',
  deliverability_score: 95,
  details: { general: { domain: 'example.com', reason: '' }, sub_status: null },
};
const placed = { ...result, batchId: '7f0c', position: 0 };

/** By the name of the schema. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  Stats: stats,
  Result: placed,
  EmailsPage: { emails: [placed], pagination: { total: 320, page: 1, limit: 1, pages: 320 } },
  Update: {
    batchId: '7f0c',
    fileId: 'customers-3f9a1c',
    isComplete: false,
    totalEmails: 150,
    processedCount: 1,
    lastUpdated: '2026-11-28T10:11:12.123456',
    validatedEmails: [result],
  },
  Outcome: { outcome: 'applied' },
  Submission: { emails: ['jane@example.com', 'lee@example.org'] },
  Registration: { batches: [{ batchId: '7f0c', totalEmails: 150 }] },
  Failure: { reason: 'the worker is gone' },
  Webhook: { url: 'https://example.com/hook', events: ['file.completed'] },
  Revocation: { sub: 'jane' },
  Problem: {
    type: 'about:blank',
    title: 'The request is not valid',
    status: 400,
    detail: 'limit: must be a whole number from 1 to 500',
    code: 'invalid_request',
    errors: [{ field: 'limit', message: 'must be a whole number from 1 to 500' }],
  },
};
