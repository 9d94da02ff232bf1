import type { PlacedResult } from '../../domain/result.js';

/**
 * RFC 4180: CRLF, quotes doubled, UTF-8 without a byte order mark. Addresses, reasons and hosts are chosen by strangers
 * and this file is opened in spreadsheets, so a text that one of them would run gets an apostrophe in front.
 */
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
  // Written out, not looped over: this runs for every row of a million.
  return `${cell(result.email)},${cell(result.status)},${cell(details.sub_status)},${cell(result.risk_level)},${cell(
    result.deliverability_score,
  )},${cell(result.is_valid)},${cell(general.reason)},${cell(general.domain)},${cell(attributes.free_email)},${cell(
    attributes.role_account,
  )},${cell(attributes.disposable)},${cell(attributes.catch_all)},${cell(attributes.has_plus_tag)},${cell(
    attributes.mailbox_full,
  )},${cell(attributes.no_reply)},${cell(server.smtp_provider)},${cell(server.mx_record)},${cell(batchId)},${position}\r\n`;
}

/** `details` is kept as it came: any part of it may be missing or something else. */
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : NONE;

export function cell(value: unknown): string {
  if (typeof value === 'string') return textCell(value);
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return textCell(JSON.stringify(value));
}

/** Starts like most cells do: nothing to escape in front, so the search for blanks is spared. */
const PLAIN_START = /^[A-Za-z0-9]/;
/** A tab or a line break would itself move what follows into the next cell. */
const BREAK = /^[\t\r\n]/;
/** What spreadsheets drop in front of a formula: blanks, control characters, invisible ones. */
const DROPPED = /^[\s\p{Cc}\p{Cf}]+/u;
/** The start of a formula, or of a command to one; normalization has made one of all widths and heights of a sign. */
const FORMULA_SIGN = /^[=+\-−@|%]/;
const TO_QUOTE = /[",\r\n]/;

function textCell(text: string): string {
  // Readers written in C end a text at NUL; its picture says that there was one.
  const shown = text.includes('\0') ? text.replaceAll('\0', '␀') : text;
  const safe = PLAIN_START.test(shown) || !isUnsafe(shown) ? shown : `'${shown}`;
  return TO_QUOTE.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function isUnsafe(text: string): boolean {
  // The first character alone: with a combining one behind it, normalization would make another sign of it.
  const [first = ''] = text.replace(DROPPED, '');
  return BREAK.test(text) || FORMULA_SIGN.test(first.normalize('NFKC'));
}
