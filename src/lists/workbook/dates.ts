/** Dates in a workbook are numbers of days with a format that shows them as dates. Read, they are ISO 8601. */
import { DAY_MS } from '../../domain/durations.js';

/** Formats that every workbook has, see ECMA-376, 18.8.30. */
const isBuiltInDate = (id: number): boolean =>
  (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);

/** Excel allows 255 characters. */
const MAX_CODE = 1_000;
/** Each step ends at the next bracket or quote: otherwise a format of nothing but brackets would take minutes. */
const NO_DATE = /"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^[\]]*\]|general/gi;

/** Whether a format of its own shows a date. Texts in quotes, escaped characters, colours and conditions do not count. */
export const isDateFormat = (id: number, code: string | undefined): boolean =>
  code === undefined ? isBuiltInDate(id) : /[dmyhs]/i.test(code.slice(0, MAX_CODE).replace(NO_DATE, ''));

/** Day 0. Until March 1900 Excel counts a day that never was. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const EPOCH_1904 = Date.UTC(1904, 0, 1);
/** The last day that Excel knows: 9999-12-31. */
const MAX_DAYS = 2_958_466;

/** `2024-01-05`, `2024-01-05 13:30:00`, or for less than a day `13:30:00`. Null: it is no date. */
export function isoDate(serial: number, is1904: boolean): string | null {
  if (!Number.isFinite(serial) || serial < 0 || serial >= MAX_DAYS) return null;
  const ms = Math.round(serial * 86_400) * 1000;
  const [day = '', time = ''] = new Date((is1904 ? EPOCH_1904 : EPOCH_1900) + ms).toISOString().split(/[T.]/);
  if (ms < DAY_MS && ms > 0) return time;
  return ms % DAY_MS === 0 ? day : `${day} ${time}`;
}
