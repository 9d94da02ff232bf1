/** Formats numbers, shares and times as the language does. */
import { locale } from './language.js';

const number = (options) => new Intl.NumberFormat(locale, options);
const integer = number();
const oneDecimal = number({ maximumFractionDigits: 1 });
const share = number({ style: 'percent', maximumFractionDigits: 1 });
const plurals = new Intl.PluralRules(locale);
const minute = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const thisYear = new Intl.DateTimeFormat(locale, minute);
const dateTime = new Intl.DateTimeFormat(locale, { ...minute, year: 'numeric' });
const relative = new Intl.RelativeTimeFormat(locale, { style: 'short', numeric: 'always' });
const unit = (name) => number({ style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: 1 });

export const count = (n) => integer.format(n);

/** `3 lists`; `words` holds the noun by plural category, `other` at least. */
export const plural = (n, words) => `${count(n)} ${words[plurals.select(n)] ?? words.other}`;

const SIZES = ['byte', 'kilobyte', 'megabyte'].map(unit);

export function bytes(n) {
  const step = n < 1024 ? 0 : n < 1024 ** 2 ? 1 : 2;
  return SIZES[step].format(n / 1024 ** step);
}

/** A whole number of percent, as the gateway rounds it. */
export const wholePercent = (n) => share.format(Math.trunc(n) / 100);

export function percent(part, whole) {
  if (!whole) return share.format(0);
  const value = part / whole;
  // A small share must not read as 0 %, nor a nearly full one as 100 %.
  if (value > 0 && value < 0.001) return `<${share.format(0.001)}`;
  if (value < 1 && value > 0.999) return `>${share.format(0.999)}`;
  return share.format(value);
}

export function rate(perSecond) {
  if (perSecond === null) return '–';
  return perSecond < 10 ? oneDecimal.format(perSecond) : count(Math.round(perSecond));
}

const UNITS = [
  [86_400, unit('day')],
  [3600, unit('hour')],
  [60, unit('minute')],
  [1, unit('second')],
];

/** The two largest units that are not zero: `2 min 5 sec`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([size]) => whole >= size);
  if (first === -1) return UNITS.at(-1)[1].format(0);
  const [size, text] = UNITS[first];
  const large = text.format(Math.floor(whole / size));
  const [nextSize, nextText] = UNITS[first + 1] ?? [1, null];
  const rest = Math.floor((whole % size) / nextSize);
  return rest > 0 && nextText !== null ? `${large} ${nextText.format(rest)}` : large;
}

export function ago(iso, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  if (seconds < 60) return relative.format(-Math.floor(seconds), 'second');
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3600), 'hour');
  return dateTime.format(Date.parse(iso));
}

export function moment(iso) {
  const date = new Date(iso);
  return (date.getFullYear() === new Date().getFullYear() ? thisYear : dateTime).format(date);
}

/** `14:02` today, else the date as well. */
export function shortTime(iso) {
  const date = new Date(iso);
  return date.toDateString() === new Date().toDateString() ? clock(date).slice(0, 5) : moment(iso);
}

/** hh:mm:ss of the local time in any language. */
export function clock(time) {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
}
