/** Says what was found in a list. */
import { count, plural } from '../format.js';

const ENCODINGS = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16',
  'utf-16be': 'UTF-16',
  'windows-1252': 'Windows-1252',
};

/** `CSV, Windows-1252` */
export function kindOf({ format, encoding }) {
  if (format === 'xlsx') return 'Excel workbook';
  return `${format === 'csv' ? 'CSV' : 'Text'}, ${ENCODINGS[encoding] ?? encoding}`;
}

/** `50,000 rows: 48,730 different addresses, 900 repeats, 370 without an @` */
export function countsOf({ rows, unique, repeats, withoutAt }) {
  if (unique === null) return plural(rows, 'row');
  const parts = [
    plural(unique, 'different address', 'different addresses'),
    repeats > 0 && plural(repeats, 'repeat'),
    withoutAt > 0 && `${count(withoutAt)} without an @`,
  ].filter(Boolean);
  return `${plural(rows, 'row')}: ${parts.join(', ')}`;
}
