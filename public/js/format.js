/** Formats numbers, shares and times. */
const integer = new Intl.NumberFormat('en');
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const minute = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const thisYear = new Intl.DateTimeFormat('en', minute);
const dateTime = new Intl.DateTimeFormat('en', { ...minute, year: 'numeric' });

export const count = (n) => integer.format(n);
export const plural = (n, one, many = `${one}s`) => `${integer.format(n)} ${n === 1 ? one : many}`;
export const bytes = (n) =>
  n < 1024
    ? `${n} B`
    : n < 1024 ** 2
      ? `${oneDecimal.format(n / 1024)} KB`
      : `${oneDecimal.format(n / 1024 ** 2)} MB`;

export function percent(part, whole) {
  if (!whole) return '0%';
  const share = (part / whole) * 100;
  // A small share must not read as 0 %, nor a nearly full one as 100 %.
  if (share > 0 && share < 0.1) return '<0.1%';
  if (share < 100 && share > 99.9) return '>99.9%';
  return `${oneDecimal.format(share)}%`;
}

export function rate(perSecond) {
  if (perSecond === null) return '–';
  return perSecond < 10 ? oneDecimal.format(perSecond) : count(Math.round(perSecond));
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** The two largest units that are not zero: `2 min 5 s`. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const first = UNITS.findIndex(([size]) => whole >= size);
  if (first === -1) return '0 s';
  const [size, unit] = UNITS[first];
  const [nextSize, nextUnit] = UNITS[first + 1] ?? [1, ''];
  const rest = Math.floor((whole % size) / nextSize);
  return rest > 0 && nextUnit
    ? `${Math.floor(whole / size)} ${unit} ${rest} ${nextUnit}`
    : `${Math.floor(whole / size)} ${unit}`;
}

export function ago(iso, now = Date.now()) {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
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

/** hh:mm:ss of the local time in any locale. */
export function clock(time) {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':');
}
