/** Addresses in running text: by line, comma, semicolon or blank, with or without names. Each becomes a row of one cell. */
import { inBrackets } from './address.js';

/** Blanks within quotes belong to the word. */
const WORDS = /(?:"[^"]*"|[^\s\u200b\ufeff])+/gu;

/** The cells of a piece of text that ends where an entry ends. */
export function cellsOf(text: string): string[] {
  return text.split(/[\r\n\u2028\u2029]+/u).flatMap(cellsOfLine);
}

function cellsOfLine(line: string): string[] {
  if (!/["<]/.test(line)) return line.split(/[,;]/).flatMap(cellsOfPiece);
  // Lists within, flattened at the end: a call with a hundred thousand arguments fails.
  const cells: string[][] = [];
  /** Pieces that may be the beginning of a name: `Lee, Ann <ann@example.com>`. */
  let names: string[] = [];
  for (const piece of piecesOf(line)) {
    if (inBrackets(piece) !== null) {
      cells.push([[...names, piece].join(', ')]);
      names = [];
    } else if (piece.includes('@')) {
      cells.push(names, cellsOfPiece(piece));
      names = [];
    } else if (piece !== '') names.push(piece);
  }
  return [...cells, names].flat();
}

/** Splits at commas and semicolons outside of quotes and brackets. */
function piecesOf(line: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  // What is not closed once is not closed later, either: not looked for again in a line of thousands.
  const unclosed = new Set<string>();
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if ((char === '"' || char === '<') && !unclosed.has(char)) {
      const end = line.indexOf(char === '<' ? '>' : '"', at + 1);
      if (end !== -1) at = end;
      else unclosed.add(char);
    } else if (char === ',' || char === ';') {
      pieces.push(line.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...pieces, line.slice(start).trim()].flatMap(splitAfterBrackets);
}

/** `<a@b> <c@d>` are two. */
const splitAfterBrackets = (piece: string): string[] => piece.split(/(?<=>)\s+(?=\S)/u);

function cellsOfPiece(piece: string): string[] {
  const words = piece.match(WORDS) ?? [];
  if (words.length < 2) return words.length === 0 ? [] : [piece];
  const addresses = words.filter((word) => word.includes('@'));
  // Words beside an address are a name; without one, the words together are the address that was meant.
  return addresses.length > 0 ? addresses : [piece.trim()];
}

/** Where a text can be cut without cutting an entry: behind this place only the beginning of one follows. */
export function lastEntryEnd(text: string, isLineTooLong: boolean): number {
  const line = text.lastIndexOf('\n') + 1 || text.lastIndexOf('\r') + 1;
  if (line > 0 || !isLineTooLong) return line;
  return (
    Math.max(text.lastIndexOf(','), text.lastIndexOf(';'), text.lastIndexOf(' '), text.lastIndexOf('\t')) + 1
  );
}
