/**
 * JSON as Python's `json.dumps` writes it: blanks after commas and colons, and nothing but ASCII, so that half a
 * surrogate pair gets through that UTF-8 could not carry.
 */
export function pythonJson(value: unknown): string {
  if (typeof value === 'string') return ascii(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([key, member]) => `${pythonJson(key)}: ${pythonJson(member)}`);
    return `{${members.join(', ')}}`;
  }
  return JSON.stringify(value);
}

const ascii = (json: string): string =>
  json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
