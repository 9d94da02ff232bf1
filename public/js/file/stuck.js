/** Says since when the validator is silent, and about how many addresses. Hidden while it is not. */
import { call, filePath, query } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { shortTime } from '../format.js';
import { t } from '../texts.js';
import { isStuck, missingIn } from './state.js';

/** As many silent batches as are added up while others go on. */
const ADDED_UP = 500;

export function stuckNote(fileId) {
  const text = el('p');
  const element = el(
    'div',
    { class: 'stuck', hidden: true },
    icon('warning'),
    el('div', { role: 'status' }, text),
  );
  const stop = new AbortController();
  let stats;
  /** The state for which the gateway was asked. */
  let askedFor = '';
  let silent = { since: null, addresses: null };

  async function ask() {
    const wanted = `${stats.epoch} ${stats.batches.stalled}`;
    if (wanted === askedFor) return;
    askedFor = wanted;
    try {
      const { signal } = stop;
      const path = `${filePath(fileId)}/batches${query({ status: 'stalled', limit: ADDED_UP })}`;
      const { items } = await call(path, { signal });
      silent = {
        since: items.map(({ since }) => since).sort()[0] ?? null,
        addresses: items.reduce(
          (sum, { totalEmails, processed }) => sum + (totalEmails ?? processed) - processed,
          0,
        ),
      };
      paint();
    } catch {
      askedFor = '';
    }
  }

  function paint() {
    if (stats.batches.stalled === 0) return;
    const missing = isStuck(stats) ? missingIn(stats) : silent.addresses;
    const since = silent.since === null ? '' : t.stuck.since(shortTime(silent.since));
    const what = missing ? t.stuck.missing(missing) : t.stuck.missingSome;
    setText(text, `${isStuck(stats) ? t.stuck.all : t.stuck.partly}${since}: ${what}`);
  }

  return {
    element,
    update(next) {
      stats = next;
      element.hidden = next.batches.stalled === 0 || next.status !== 'processing';
      if (element.hidden) return;
      paint();
      void ask();
    },
    close: () => stop.abort(),
  };
}
