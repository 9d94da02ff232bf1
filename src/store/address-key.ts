/** Characters of an address that an index sorts by; longer ones exist, but nobody types that much of them. */
export const KEY_LENGTH = 254;

/** Upper case, because lower case depends on the neighbours: a sigma at the end of a word is another letter there. */
export const foldCase = (text: string): string => text.toUpperCase();

/** What an index sorts an address by, and a search looks for. */
export const keyOf = (email: string): string => foldCase(email).slice(0, KEY_LENGTH).toWellFormed();

/** Sorts after whatever a key may have behind the same start: it is the last character, more often than a key can have it. */
export const LAST = '\u{10ffff}'.repeat(KEY_LENGTH);

export const FIRST_LETTER = 97;
/** A cell of `cellOf` as a letter. */
export const letterOf = (cell: number): string => String.fromCharCode(FIRST_LETTER + cell);
