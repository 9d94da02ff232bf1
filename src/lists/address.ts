/** Takes the address out of a cell: removes what people and spreadsheets put around it, and changes nothing inside it. */

/** Blanks, control characters, and invisible ones: zero-width, byte order marks, marks of direction. */
const AROUND = String.raw`\s\p{Cc}\p{Cf}\u2800\u3164`;
const LEADING = new RegExp(`^[${AROUND}]+`, 'u');
/** Up to the last character that is none of them. */
const UNTIL_LAST = new RegExp(`^[^]*[^${AROUND}]`, 'u');
/** Ends of most cells: nothing has to be cleaned, and the slower steps are skipped. */
const PLAIN = /^[A-Za-z0-9][^\s"'<>\p{Cc}\p{Cf}\u2800\u3164]*[A-Za-z0-9]$/u;
const QUOTES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '”',
  '„': '“',
  '«': '»',
  '‘': '’',
};
const MAILTO = /^mailto:/i;
/** A cell can be wrapped more than once: `"<mailto:ann@example.com>"`. */
const MAX_LAYERS = 6;

/** Characters that spreadsheets ignore before a formula: blanks, control characters, invisible ones. */
const IGNORED = /^[\s\p{Cc}\p{Cf}]+/u;
/** A leading tab or line break would move the text behind it into the next cell. */
const BREAK = /^[\t\r\n]/;
/** The start of a formula or command; NFKC has turned full-width and small forms into these signs. */
const FORMULA_SIGN = /^[=+\-−@|%]/;

/** Whether a spreadsheet would run a text as a formula, or move it into another cell. Exports guard such a text. */
function isFormula(text: string): boolean {
  // Only the first character: a combining one behind it would be normalized into it, and hide the sign.
  const [first = ''] = text.replace(IGNORED, '');
  return BREAK.test(text) || FORMULA_SIGN.test(first.normalize('NFKC'));
}

/** What our exports put before a formula. A text that looks guarded already gets another one, so that one can be taken away. */
export const FORMULA_GUARD = "'";
export const needsGuard = (text: string): boolean => isFormula(text.replace(/^'+/, ''));

/** The address of a cell; empty: the cell is. A text that can be no address is answered as it is. */
export function addressIn(cell: string): string {
  if (PLAIN.test(cell) && !MAILTO.test(cell)) return cell.toWellFormed();
  // Looked for before anything is trimmed: the guard may stand before a blank.
  let text = trimmed(withoutGuard(cell));
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const inner = trimmed(withoutLayer(text));
    if (inner === text) break;
    text = inner;
  }
  return text.toWellFormed();
}

/** Units of a text that are looked at in one go from its end on. */
const PIECE_UNITS = 256;

/**
 * A cell may be tens of thousands of invisible characters, and a small workbook a thousand such cells: patterns look at many
 * characters at a time. One that looks for the end in the whole text would begin anew at each blank of a long run.
 */
function trimmed(text: string): string {
  const rest = text.replace(LEADING, '');
  for (let end = rest.length; end > 0; ) {
    let start = Math.max(0, end - PIECE_UNITS);
    // Some invisible characters, tags among them, are two units long.
    if (start > 0 && /[\udc00-\udfff]/.test(rest[start] ?? '')) start--;
    const kept = UNTIL_LAST.exec(rest.slice(start, end));
    if (kept !== null) return rest.slice(0, start + kept[0].length);
    end = start;
  }
  return '';
}

const withoutGuard = (text: string): string =>
  text.startsWith(FORMULA_GUARD) && needsGuard(text) ? text.slice(1) : text;

function withoutLayer(text: string): string {
  const bracketed = inBrackets(text);
  if (bracketed !== null) return bracketed;
  if (MAILTO.test(text)) return linkTarget(text.slice('mailto:'.length));
  const closing = QUOTES[text[0] ?? ''];
  const isQuoted = text.length > 2 && closing !== undefined && text.endsWith(closing);
  const inside = isQuoted ? text.slice(1, -1) : text;
  // `"a" and "b"` is no quoted text, and the local part of `"ann lee"@example.com` belongs to the address.
  return isQuoted && !inside.includes(closing) ? inside : text;
}

/** Of `"Lee, Ann" <ann@example.com>` what is in the brackets; null: nothing like it. */
export function inBrackets(text: string): string | null {
  if (!text.endsWith('>')) return null;
  const inside = text.slice(text.lastIndexOf('<') + 1, -1);
  return inside.length < text.length - 1 && inside.includes('@') && !inside.includes('>') ? inside : null;
}

/** A link may name a subject, and encode characters. */
function linkTarget(link: string): string {
  const target = link.replace(/\?.*$/su, '');
  try {
    return decodeURIComponent(target);
  } catch {
    return target;
  }
}

/** Two addresses with the same key are repeats: upper and lower case make no difference. */
export const addressKey = (address: string): string => address.toLowerCase();

/** Longer texts are none, and are not looked at. RFC 5321 allows 254 characters. */
const MAX_ADDRESS_CHARACTERS = 1_000;
const ADDRESS = /^(?:"[^"]+"|[^\s@<>()[\],;:"|\\]+)@[^\s@<>()[\],;:"|\\]+$/u;

/** Whether a cleaned text has the form of an address. Made to tell columns apart, not to judge addresses. */
export const looksLikeAddress = (text: string): boolean =>
  text.length <= MAX_ADDRESS_CHARACTERS && text.includes('@') && ADDRESS.test(text);

/** Cells that are longer tell nothing of their column: an address and the name before it take far less. */
const MAX_TELLING_CHARACTERS = 4 * MAX_ADDRESS_CHARACTERS;

/** Whether the address of a cell has the form of one. Many cells are asked at once, and most are told without being cleaned. */
export const hasAddress = (cell: string): boolean =>
  cell.length <= MAX_TELLING_CHARACTERS && /[@%]/.test(cell) && looksLikeAddress(addressIn(cell));
