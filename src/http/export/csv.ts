/** Results as CSV (RFC 4180): CRLF, quotes doubled, UTF-8 without a byte order mark, safe to open in a spreadsheet. */
import type { PlacedResult } from '../../domain/result.js';
import { FORMULA_GUARD, needsGuard } from '../../lists/address.js';

export const COLUMNS = [
  'email',
  'status',
  'sub_status',
  'risk_level',
  'deliverability_score',
  'is_valid',
  'reason',
  'domain',
  'free_email',
  'role_account',
  'disposable',
  'catch_all',
  'has_plus_tag',
  'mailbox_full',
  'no_reply',
  'smtp_provider',
  'mx_record',
  'batchId',
  'position',
] as const;

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

type Fields = Readonly<Record<string, unknown>>;
const NONE: Fields = {};

export function csvRow({ batchId, position, json }: PlacedResult): string {
  const result = JSON.parse(json) as Fields;
  const details = fieldsOf(result.details);
  const general = fieldsOf(details.general);
  const attributes = fieldsOf(details.attributes);
  const server = fieldsOf(details.mail_server);
  // Written out instead of looped: an export may have a million rows.
  return `${csvField(result.email)},${csvField(result.status)},${csvField(details.sub_status)},${csvField(result.risk_level)},${csvField(
    result.deliverability_score,
  )},${csvField(result.is_valid)},${csvField(general.reason)},${csvField(general.domain)},${csvField(attributes.free_email)},${csvField(
    attributes.role_account,
  )},${csvField(attributes.disposable)},${csvField(attributes.catch_all)},${csvField(attributes.has_plus_tag)},${csvField(
    attributes.mailbox_full,
  )},${csvField(attributes.no_reply)},${csvField(server.smtp_provider)},${csvField(server.mx_record)},${csvField(batchId)},${position}\r\n`;
}

/** `details` is stored as the validator sent it: any part of it may be missing or of another type. */
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : NONE;

export function csvField(value: unknown): string {
  if (typeof value === 'string') return textCell(value);
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return textCell(JSON.stringify(value));
}

/** The start of most cells: such a text is no formula, and the slower check is skipped. */
const PLAIN_START = /^[A-Za-z0-9]/;
const TO_QUOTE = /[",\r\n]/;

/**
 * Addresses, reasons and host names are chosen by strangers: a text that a spreadsheet would run as a formula gets an
 * apostrophe in front.
 */
function textCell(text: string): string {
  // Some readers end a text at NUL, so its visible symbol takes its place.
  const shown = text.includes('\0') ? text.replaceAll('\0', '␀') : text;
  const safe = PLAIN_START.test(shown) || !needsGuard(shown) ? shown : FORMULA_GUARD + shown;
  return TO_QUOTE.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
