/** Tells a row that names the columns from a row of data. */
import { addressIn, hasAddress } from './address.js';

/** The word for an email address in many languages, as a column is named. A hint only: the cells decide. */
const EMAIL_WORDS =
  /e[\s._-]?mail|^mail|mail$|\bmails?\b|mailadres|correo|courriel|adr[eé]l|e[\s-]?post|s[aä]hk[oö]posti|po[sš]ta\b|poczt|почт|имейл|пошт|メール|邮箱|郵件|邮件|電郵|이메일|메일|ईमेल|อีเมล|بريد|דוא|ηλεκτρονικ/iu;

/** Other names of columns that occur where the first cell of the addresses is left empty. */
const OTHER_WORDS =
  /^(first|last|full|given|family|sur)?[\s_-]*(name|nombre|nom|prénom|vorname|nachname|naam|namn|nome|cognome|apellidos?)$|^(id|company|firma|phone|telefon|date|datum|city|country|source|notes?)$/iu;

export const isEmailWord = (name: string): boolean => EMAIL_WORDS.test(name.trim());

/** Longer texts are no figures. */
const MAX_FIGURE_CHARACTERS = 100;

/** A number, a date, an amount: what stands in a column and does not name it. */
const isFigure = (cell: string): boolean =>
  cell.length <= MAX_FIGURE_CHARACTERS && /\d/.test(cell) && /^[\d\s.,:/+\-%€$£()]+$/u.test(cell);

/**
 * Whether the first row is a header: it has no address where the rows below have them. A cell that is no address either
 * way, or none at all, is judged by the rest of its row.
 */
export function hasHeader(rows: readonly (readonly string[])[]): boolean {
  const [first = [], ...below] = rows;
  if (first.some(hasAddress)) return false;
  const cells = first.map(addressIn);
  const column = fullestColumn(below);
  // Nothing below says where the addresses are.
  if (column === null) return below.length > 0 && cells.some(isEmailWord);
  const cell = cells[column] ?? '';
  if (isEmailWord(cell)) return true;
  if (cell.includes('@')) return false;
  if (cell === '') return cells.some((name) => isEmailWord(name) || OTHER_WORDS.test(name));
  const figures = columnsWithFigures(below);
  return !cells.some((name, at) => isFigure(name) && figures.has(at));
}

/** By one pass: a first row may have tens of thousands of cells, and each would be looked for in every row. */
function columnsWithFigures(rows: readonly (readonly string[])[]): ReadonlySet<number> {
  const columns = new Set<number>();
  for (const row of rows)
    for (const [column, cell] of row.entries())
      if (!columns.has(column) && /\d/.test(cell) && isFigure(addressIn(cell))) columns.add(column);
  return columns;
}

/** The column with the most addresses; null: there is none with any. */
function fullestColumn(rows: readonly (readonly string[])[]): number | null {
  const addresses = new Map<number, number>();
  for (const row of rows)
    for (const [column, cell] of row.entries())
      if (hasAddress(cell)) addresses.set(column, (addresses.get(column) ?? 0) + 1);
  return [...addresses].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
