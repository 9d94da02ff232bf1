/** Results as CSV (RFC 4180): CRLF, quotes doubled, UTF-8 without a byte order mark, safe to open in a spreadsheet. */
import { ATTRIBUTES } from '../../domain/facets.js';
import type { PlacedResult } from '../../domain/result.js';
import { FORMULA_GUARD, needsGuard } from '../../lists/address.js';
import { textPortions } from '../../portions.js';

export const COLUMNS = [
  'email',
  'status',
  'sub_status',
  'risk_level',
  'deliverability_score',
  'is_valid',
  'reason',
  'domain',
  ...ATTRIBUTES,
  'smtp_provider',
  'mx_record',
  'batchId',
  'position',
] as const;

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

type Fields = Readonly<Record<string, unknown>>;
const NONE: Fields = {};

type CellWriter = (value: unknown) => string;

/** How texts become cells. */
interface Escape {
  readonly firstCell: CellWriter;
  readonly cell: CellWriter;
  /** For long texts, of which it stands in front. */
  readonly guardOf: (text: string) => string;
  readonly portion: (text: string) => string;
}

export const csvRow = (placed: PlacedResult): string => rowOf(placed, FOR_SPREADSHEETS);
export const csvRowInPortions = (placed: PlacedResult) => rowInPortions(placed, FOR_SPREADSHEETS);
/** For programs: no cell is escaped for a spreadsheet. */
export const plainRow = (placed: PlacedResult): string => rowOf(placed, FOR_PROGRAMS);
export const plainRowInPortions = (placed: PlacedResult) => rowInPortions(placed, FOR_PROGRAMS);

function rowOf(
  { batchId, position, json }: PlacedResult,
  { firstCell, cell }: Pick<Escape, 'firstCell' | 'cell'>,
): string {
  const result = JSON.parse(json) as Fields;
  const details = fieldsOf(result.details);
  const general = fieldsOf(details.general);
  const attributes = fieldsOf(details.attributes);
  const server = fieldsOf(details.mail_server);
  // Written out instead of looped: an export may have a million rows.
  return `${firstCell(result.email)},${cell(result.status)},${cell(details.sub_status)},${cell(result.risk_level)},${cell(
    result.deliverability_score,
  )},${cell(result.is_valid)},${cell(general.reason)},${cell(general.domain)},${cell(attributes.free_email)},${cell(
    attributes.role_account,
  )},${cell(attributes.disposable)},${cell(attributes.catch_all)},${cell(attributes.has_plus_tag)},${cell(
    attributes.mailbox_full,
  )},${cell(attributes.no_reply)},${cell(server.smtp_provider)},${cell(server.mx_record)},${cell(batchId)},${position}\r\n`;
}

/** No spreadsheet has room for a text of this length in one cell. */
const LONG_CHARS = 64 * 1024;
const PORTION_CHARS = 16 * 1024;

/** The row of a result of megabytes: to quote and to guard them in one go would hold up everything else for half a second. */
function* rowInPortions(placed: PlacedResult, escaping: Escape): Generator<string> {
  for (const [index, value] of valuesOf(placed).entries()) {
    if (index > 0) yield ',';
    const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
    if (typeof text === 'string' && text.length > LONG_CHARS) yield* longCell(text, escaping);
    else yield (index === 0 ? escaping.firstCell : escaping.cell)(value);
  }
  yield '\r\n';
}

function* longCell(text: string, { guardOf, portion }: Escape): Generator<string> {
  yield `"${guardOf(text)}`;
  for (const part of textPortions(text, PORTION_CHARS)) yield portion(part).replaceAll('"', '""');
  yield '"';
}

/** The cells of a row as values, in the order of the columns. */
export function valuesOf(placed: PlacedResult): unknown[] {
  const values: unknown[] = [];
  const cell: CellWriter = (value) => {
    values.push(value);
    return '';
  };
  rowOf(placed, { firstCell: cell, cell });
  return [...values, placed.position];
}

/** `details` is stored as the validator sent it: any part of it may be missing or of another type. */
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : NONE;

export const csvField: CellWriter = (value) =>
  typeof value === 'string' ? safeCell(value) : otherField(value, safeCell);
/** Any but the first of a row. */
const innerField: CellWriter = (value) =>
  typeof value === 'string' ? safeInnerCell(value) : otherField(value, safeInnerCell);
export const plainField: CellWriter = (value) =>
  typeof value === 'string' ? quoted(value) : otherField(value, quoted);

function otherField(value: unknown, textCell: (text: string) => string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return textCell(JSON.stringify(value));
}

/** The start of most cells: such a text is no formula, and the slower check is skipped. */
const PLAIN_START = /^[A-Za-z0-9]/;
const TO_QUOTE = /[",;\t\r\n]/;

/**
 * Addresses, reasons and host names are chosen by strangers: a text that a spreadsheet would run as a formula gets an
 * apostrophe in front.
 */
function safeCell(text: string): string {
  const shown = withVisibleNul(text);
  return quoted(PLAIN_START.test(shown) || !needsGuard(shown) ? shown : FORMULA_GUARD + shown);
}

/** Some readers end a text at NUL, so its visible symbol takes its place. */
const withVisibleNul = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '␀') : text);

/**
 * Excel splits a file at the list separator of its language, `;` in much of Europe, and heeds quotes only where a cell begins: there it
 * finds cells inside ours, save inside the first of a row. Each that would be a formula gets an apostrophe, too.
 */
const safeInnerCell = (text: string): string =>
  safeCell(HAS_SEPARATOR.test(text) ? text.replace(BEFORE_FORMULA, `$&${FORMULA_GUARD}`) : text);

const HAS_SEPARATOR = /[;\t\r\n]/;
const SEPARATORS = /[;\t\r\n]/g;
/**
 * A separator with a formula behind it, whatever quotes and blanks are between. One pattern, because a text of megabytes may have a
 * separator at every second place; the signs are all those that NFKC turns into one.
 */
const BEFORE_FORMULA =
  /[;\t\r\n](?=(?:(?![\t\r\n])["'\s\p{Cc}\p{Cf}])*[\u{25}\u{2b}\u{2d}\u{3d}\u{40}\u{7c}\u{207a}\u{207b}\u{207c}\u{208a}\u{208b}\u{208c}\u{2212}\u{2a75}\u{2a76}\u{fb29}\u{fe62}\u{fe63}\u{fe66}\u{fe6a}\u{fe6b}\u{ff05}\u{ff0b}\u{ff0d}\u{ff1d}\u{ff20}\u{ff5c}])/gu;

/** A semicolon or a tab is quoted as well: readers that take it for the delimiter would begin a cell behind it. */
const quoted = (text: string): string => (TO_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const FOR_SPREADSHEETS: Escape = {
  firstCell: csvField,
  cell: innerField,
  guardOf: (text) => (needsGuard(text) ? FORMULA_GUARD : ''),
  // Behind each separator, whatever follows: that may be in the next portion.
  portion: (text) => withVisibleNul(text).replace(SEPARATORS, `$&${FORMULA_GUARD}`),
};
const FOR_PROGRAMS: Escape = {
  firstCell: plainField,
  cell: plainField,
  guardOf: () => '',
  portion: (text) => text,
};
