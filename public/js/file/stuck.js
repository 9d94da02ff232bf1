/** Says which addresses got no answer: since when the validator is silent, or that the list has ended without them. */
import { call, filePath, query } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { shortTime } from '../format.js';
import { againHref } from '../submit/again.js';
import { t } from '../texts.js';
import { hasEnded, isStuck, missingIn, unansweredIn } from './state.js';

/** As many silent batches as are added up while others go on. */
const ADDED_UP = 500;

export function stuckNote(fileId) {
  const text = el('p');
  const again = el('a', {
    class: 'button small',
    href: againHref('unanswered', fileId),
    text: t.again.stuck,
  });
  const element = el(
    'div',
    { class: 'stuck', hidden: true },
    icon('warning'),
    el('div', { role: 'status' }, text),
    again,
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
    if (hasEnded(stats)) return setText(text, t.stuck.missing(unansweredIn(stats)));
    const missing = isStuck(stats) ? missingIn(stats) : silent.addresses;
    const since = silent.since === null ? '' : t.stuck.since(shortTime(silent.since));
    const what = missing ? t.stuck.missing(missing) : t.stuck.missingSome;
    setText(text, `${isStuck(stats) ? t.stuck.all : t.stuck.partly}${since}: ${what}`);
  }

  return {
    element,
    update(next) {
      stats = next;
      const isSilent = next.status === 'processing' && next.batches.stalled > 0;
      const hasGap = hasEnded(next) && next.status !== 'purged' && unansweredIn(next) > 0;
      element.hidden = !isSilent && !hasGap;
      // The gateway knows the addresses of lists only.
      again.hidden = next.submission === null;
      if (element.hidden) return;
      paint();
      if (isSilent) void ask();
    },
    close: () => stop.abort(),
  };
}
