/** Characters of an address that an index sorts by; longer ones exist, but nobody types that much of them. */
export const KEY_LENGTH = 254;

/** Upper case, because lower case depends on the neighbours: a sigma at the end of a word is another letter there. */
export const foldCase = (text: string): string => text.toUpperCase();

/** What an index sorts an address by, and a search looks for. */
export const searchKey = (email: string): string => foldCase(email).slice(0, KEY_LENGTH).toWellFormed();

/** Sorts after whatever a key may have behind the same start: it is the last character, more often than a key can have it. */
export const AFTER_ANY_KEY = '\u{10ffff}'.repeat(KEY_LENGTH);

export const FIRST_CELL_CODE = 97;
/** A cell of `cellOf` as a letter. */
export const cellCode = (cell: number): string => String.fromCharCode(FIRST_CELL_CODE + cell);
