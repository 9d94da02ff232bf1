/** Proposes names for lists. */
import { call } from '../api.js';
import { t } from '../texts.js';

/** As many names as are looked at. What is older is met when the list is submitted: the user is asked then. */
const KNOWN = 200;

/** `customers.csv` → `customers`, or `customers 2` where that name is taken. */
export async function proposeName(fileName, signal) {
  const stem = stemOf(fileName);
  const taken = await namesTaken(signal);
  let name = stem;
  for (let n = 2; taken.has(name); n++) name = `${stem} ${n}`;
  return name;
}

/** The name of a list that was pasted. */
export function nameOfToday(now = new Date()) {
  const two = (n) => String(n).padStart(2, '0');
  return `${t.submit.today(`${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`)}.txt`;
}

function stemOf(fileName) {
  const stem = fileName
    .replace(/\.[a-z0-9]{1,8}$/i, '')
    .replace(/[^\p{L}\p{N}\p{M}._ -]+/gu, '-')
    .replace(/^[-. ]+|[-. ]+$/g, '')
    .slice(0, 80);
  return stem || t.submit.list;
}

async function namesTaken(signal) {
  try {
    const { items } = await call(`api/files?limit=${KNOWN}`, { signal });
    return new Set(items.map(({ fileId }) => fileId));
  } catch {
    return new Set();
  }
}
