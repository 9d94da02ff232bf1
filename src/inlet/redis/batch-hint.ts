/** Where producers write the batch's id: ahead of the results. */
const HEAD_BYTES = 2_048;
const decoder = new TextDecoder();

/** The batch that a message seems to be about, without parsing it; null: it does not show. Good enough to look it up. */
export function batchHint(message: Uint8Array): string | null {
  const head = decoder.decode(message.subarray(0, HEAD_BYTES));
  const literal = /"batchId"\s*:\s*("(?:[^"\\]|\\.){1,512}")/.exec(head)?.[1];
  if (literal === undefined) return null;
  try {
    return String(JSON.parse(literal));
  } catch {
    return null;
  }
}
