/** The words for the values of the API. */
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

/** Values that are not listed here are shown as they come. */
const WORDS = {
  deliverable: 'Deliverable',
  undeliverable: 'Undeliverable',
  risky: 'Risky',
  unknown: 'Unknown',
  invalid_email: 'Invalid address',
  invalid_domain: 'Invalid domain',
  rejected_email: 'Rejected by server',
  invalid_smtp: 'Invalid SMTP',
  disposable_email: 'Disposable',
  blacklisted: 'Blacklisted',
  low_quality: 'Low quality',
  low_deliverability: 'Low deliverability',
  no_connect: 'No connection',
  timeout: 'Timeout',
  unavailable_smtp: 'SMTP unavailable',
  unexpected_error: 'Unexpected error',
  other: 'Other',
  none: 'None',
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  pending: 'Waiting',
  processing: 'Running',
  stuck: 'Stuck',
  completed: 'Completed',
  failed: 'Failed',
  purged: 'Purged',
};

export const word = (key) => WORDS[key] ?? String(key);
