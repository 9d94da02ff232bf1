/** Finds domains that are probably mistyped: `gmial.com` is `gmail.com`. */

/** Mailboxes of many people: a list has typing errors of these. */
const USUAL = [
  'aol.com',
  'bluewin.ch',
  'btinternet.com',
  'comcast.net',
  'freenet.de',
  'gmail.com',
  'googlemail.com',
  'hotmail.co.uk',
  'hotmail.com',
  'hotmail.de',
  'hotmail.fr',
  'icloud.com',
  'laposte.net',
  'libero.it',
  'live.com',
  'orange.fr',
  'outlook.com',
  'outlook.de',
  'proton.me',
  'protonmail.com',
  't-online.de',
  'verizon.net',
  'wanadoo.fr',
  'yahoo.co.uk',
  'yahoo.com',
  'yahoo.de',
  'yahoo.fr',
  'yandex.ru',
];

/** Of breakdown items: those at which hardly a mail arrives and that are one slip away from a usual domain. */
export function typosAmong(items) {
  return items.flatMap((item) => {
    if (USUAL.includes(item.value) || item.deliverable * 10 > item.count) return [];
    const meant = USUAL.find((domain) => isOneSlip(item.value, domain));
    return meant === undefined ? [] : [{ from: item.value, to: meant, count: item.count }];
  });
}

/** One character too many, too few, another one, or two that changed places. */
export function isOneSlip(a, b) {
  if (Math.abs(a.length - b.length) > 1 || a === b) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
