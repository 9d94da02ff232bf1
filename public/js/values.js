/** Values of the API that the page lists. */
export const STATUSES = ['deliverable', 'undeliverable', 'risky', 'unknown'];
export const RISKS = ['none', 'low', 'medium', 'high'];

/** Why an address is not deliverable: `reason` of the API. */
export const REASONS = [
  'invalid_email',
  'invalid_domain',
  'rejected_email',
  'invalid_smtp',
  'disposable_email',
  'blacklisted',
  'low_quality',
  'low_deliverability',
  'no_connect',
  'timeout',
  'unavailable_smtp',
  'unexpected_error',
  'other',
];
