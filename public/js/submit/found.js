/** Says what was found in a list. */
import { t } from '../texts.js';

const ENCODINGS = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16',
  'utf-16be': 'UTF-16',
  'windows-1252': 'Windows-1252',
};

/** `CSV, Windows-1252` */
export function kindOf({ format, encoding }) {
  if (format === 'xlsx') return t.submit.excel;
  return `${format === 'csv' ? t.submit.csv : t.submit.plain}, ${ENCODINGS[encoding] ?? encoding}`;
}

/** `50,000 rows: 48,730 different addresses, 900 repeats, 370 without an @` */
export function countsOf({ rows, unique, repeats, withoutAt }) {
  if (unique === null) return t.submit.rows(rows);
  const parts = [
    t.submit.different(unique),
    repeats > 0 && t.submit.repeats(repeats),
    withoutAt > 0 && t.submit.withoutAt(withoutAt),
  ].filter(Boolean);
  return `${t.submit.rows(rows)}: ${parts.join(', ')}`;
}
