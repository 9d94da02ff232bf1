/** The types of ids, and the rule that every id from outside must follow. */

/** Names a file: a list of addresses that is to be validated. Chosen by the caller who submits or registers it. */
export type FileId = string;
/** Names one submission of a file to the validator. Chosen by the validator. */
export type RequestId = string;
/** Names the slice of a request that one validator worker handles. Chosen by the validator. */
export type BatchId = string;
/** Names an uploaded list. Chosen by the gateway. */
export type ListId = string;
/** Names a user: the `sub` of a token. */
export type UserId = string;
/** Names one incarnation of a file, from its registration until another request replaces it or the file is deleted. */
export type Generation = string;
/** Names one unbroken run of revisions of a file's feed. Revisions of different epochs cannot be compared. */
export type Epoch = string;

export const MAX_ID_LENGTH = 256;

export const isPlainText = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text);

/** An id of a file, request, batch or user: 1 to 256 characters of well-formed text without control characters. */
export const isId = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH && isPlainText(value);

/** The same for JSON Schema, which cannot forbid text that is not well-formed. */
export const ID_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]+$';
