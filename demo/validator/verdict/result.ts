/** The results that the validator publishes: their fields and values. */
export type Status = 'deliverable' | 'undeliverable' | 'risky' | 'unknown';
export type Risk = 'none' | 'low' | 'medium' | 'high';
export type SubStatus =
  | 'Invalid Email'
  | 'Invalid Domain'
  | 'Rejected Email'
  | 'Invalid SMTP'
  | 'Disposable Email'
  | 'Blacklisted'
  | 'Low Quality'
  | 'Low Deliverability'
  | 'No Connect'
  | 'Timeout'
  | 'Unavailable SMTP'
  | 'Unexpected Error';

export interface Attributes {
  readonly free_email: boolean;
  readonly role_account: boolean;
  readonly disposable: boolean;
  readonly catch_all: boolean;
  readonly has_plus_tag: boolean;
  readonly mailbox_full: boolean;
  readonly no_reply: boolean;
}

export interface MailServer {
  readonly smtp_provider: string | null;
  readonly mx_record: string | null;
  readonly implicit_mx: null;
}

export interface Blacklist {
  readonly is_blacklisted: boolean;
  readonly blacklists_found: readonly string[];
  readonly blacklist_reasons: readonly string[];
  readonly reputation_score: number;
  /** UTC without a zone; null if the blacklists were not queried. */
  readonly last_checked: string | null;
}

/** The verdict on one address. The keys are in the order of the wire. */
export interface Result {
  readonly email: string;
  readonly is_valid: boolean;
  readonly status: Status;
  readonly risk_level: Risk;
  readonly deliverability_score: number;
  readonly details: {
    readonly general: {
      readonly domain: string;
      readonly reason: string;
      readonly validation_method: 'smtp';
    };
    readonly attributes: Attributes;
    readonly mail_server: MailServer;
    readonly blacklist: Blacklist;
    readonly sub_status: SubStatus | null;
  };
}

export const NO_ATTRIBUTES: Attributes = {
  free_email: false,
  role_account: false,
  disposable: false,
  catch_all: false,
  has_plus_tag: false,
  mailbox_full: false,
  no_reply: false,
};

export const NO_MAIL_SERVER: MailServer = { smtp_provider: null, mx_record: null, implicit_mx: null };

export const NOT_LISTED: Blacklist = {
  is_blacklisted: false,
  blacklists_found: [],
  blacklist_reasons: [],
  reputation_score: 100,
  last_checked: null,
};

/** A time as the validator writes it: UTC with microseconds, without a zone. */
export function timestamp(now = new Date()): string {
  const micros = Math.floor(performance.now() * 1000) % 1000;
  return `${now.toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}`;
}
