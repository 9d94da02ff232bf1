/**
 * Reads a pasted or uploaded text as a list of addresses: one a line, trimmed, without empty lines. Nothing else is
 * changed: the validator judges odd entries, and repeats are kept.
 */
export function readAddresses(text) {
  const emails = text
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return { emails, repeats: emails.length - new Set(emails).size };
}

/** Proposes an id for a list: readable, and new for each list. */
export function proposeId(fileName = '') {
  const now = new Date();
  const two = (n) => String(n).padStart(2, '0');
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const stem = fileName
    .replace(/\.[a-z0-9]{1,8}$/i, '')
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 60);
  const chance = Math.random().toString(36).slice(2, 6).padEnd(4, '0');
  return `${stem || 'list'}-${day}-${chance}`;
}
