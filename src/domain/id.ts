export const MAX_ID_LENGTH = 256;

export const isPlainText = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text);

/** An id of a file, request, batch or user: 1 to 256 characters of well-formed text without control characters. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH && isPlainText(value);
