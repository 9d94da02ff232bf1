import { type PlacedResult, placedJson } from '../../domain/result.js';

/** One result a line, as pages have it. */
export const ndjsonRow = (result: PlacedResult): string => `${placedJson(result)}\n`;
