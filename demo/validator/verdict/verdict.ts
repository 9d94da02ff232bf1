import { parseAddress } from './address.js';
import { examine, type Findings, type Flags } from './findings.js';
import { type Grade, gradeOf, NO_ADDRESS } from './grade.js';
import { NO_ATTRIBUTES, NO_MAIL_SERVER, NOT_LISTED, type Result } from './result.js';

/**
 * The verdict on a text, be it an address or not. It is the same in every run except for `last_checked`, which is
 * `now`.
 */
export function verdictOn(email: string, flags: Flags, now: string): Result {
  const address = parseAddress(email);
  if (address === null) return resultOf(email, '', NO_ADDRESS);
  const findings = examine(address, flags, now);
  return resultOf(email, address.domain, gradeOf(address, findings, flags), findings);
}

function resultOf(email: string, domain: string, grade: Grade, findings?: Findings): Result {
  const { attributes = NO_ATTRIBUTES, blacklist = NOT_LISTED, domain: found } = findings ?? {};
  const server = attributes.disposable ? null : found?.provider;
  return {
    email,
    is_valid: grade.status === 'deliverable' || grade.status === 'risky',
    status: grade.status,
    risk_level: grade.risk,
    deliverability_score: grade.score,
    details: {
      general: { domain, reason: grade.reason, validation_method: 'smtp' },
      attributes,
      mail_server: server
        ? { smtp_provider: server.name, mx_record: server.mx, implicit_mx: null }
        : NO_MAIL_SERVER,
      blacklist,
      sub_status: grade.subStatus,
    },
  };
}
