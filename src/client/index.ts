/** The SDK for browsers and Node.js. */
export { VerigateError } from './errors.js';
export { FileCopy } from './file-copy.js';
export { listenToFile } from './file-listener.js';
export type * from './listener-options.js';
export type * from './protocol.js';
export type { TokenSource } from './token-keeper.js';
export { type Collected, type CollectOptions, collect, type WaitOptions, waitFor } from './whole-file.js';
