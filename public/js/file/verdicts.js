/** The verdicts of a list and their reasons. */
import { el, setShare, setText } from '../dom.js';
import { count, percent } from '../format.js';
import { againHref } from '../submit/again.js';
import { t, word } from '../texts.js';
import { STATUSES } from '../values.js';
import { hasEnded, isStuck } from './state.js';

/** As many reasons of a verdict as a phone has room for. */
const MAJOR = 3;

/** `choose` is called with the verdict, and the reason, that the user clicks. */
export function verdictsCard(fileId, choose) {
  const columns = STATUSES.map((status) => column(status, choose));
  const again = el('a', { class: 'button small again', href: againHref('unknown', fileId), hidden: true });
  columns.at(-1).element.append(again);
  return {
    element: el(
      'section',
      { class: 'card verdicts', 'aria-label': t.file.verdicts },
      el('h2', { class: 'card-title', text: t.file.verdicts }),
      el('div', { class: 'verdict-columns' }, ...columns.map(({ element }) => element)),
    ),
    update(next) {
      for (const { update } of columns) update(next.stats, next.progress.processed);
      // While it runs, the validator may still be trying.
      const unknown = next.stats.unknown.count;
      again.hidden = unknown === 0 || next.status === 'purged' || !(hasEnded(next) || isStuck(next));
      setText(again, t.again.unknown(unknown));
    },
  };
}

function column(status, choose) {
  const total = el('span', { class: 'verdict-count' });
  const share = el('span', { class: 'verdict-share' });
  const reasons = el('ul', { class: 'reasons' });
  const lines = new Map();
  const element = el(
    'div',
    { class: `verdict ${status}` },
    el(
      'button',
      { class: 'verdict-head', type: 'button', title: t.common.showThese, onclick: () => choose(status) },
      el('span', { class: 'verdict-name' }, el('span', { class: `dot ${status}` }), word(status)),
      total,
      share,
    ),
    status === 'deliverable' ? el('p', { class: 'reasons-none', text: t.file.safe }) : reasons,
  );

  function update(stats, processed) {
    const verdict = stats[status];
    setText(total, count(verdict.count));
    total.title = count(verdict.count);
    setText(share, percent(verdict.count, processed));
    const categories = Object.entries(verdict.categories ?? {});
    const major = [...categories].sort(([, a], [, b]) => b - a).slice(0, MAJOR);
    for (const [category, n] of categories) {
      if (!lines.has(category))
        lines.set(
          category,
          addLine(reasons, category, () => choose(status, category)),
        );
      lines.get(category)(
        n,
        verdict.count,
        major.some(([name]) => name === category),
      );
    }
  }

  return { element, update };
}

function addLine(list, category, choose) {
  const number = el('span', { class: 'reason-count' });
  const line = el(
    'li',
    { class: 'reason' },
    el(
      'button',
      { class: 'reason-button', type: 'button', title: t.common.showThese, onclick: choose },
      el('span', { class: 'reason-name', text: word(category) }),
      number,
    ),
  );
  list.append(line);
  return (n, whole, isMajor) => {
    setText(number, count(n));
    setShare(line, whole > 0 ? n / whole : 0);
    line.classList.toggle('zero', n === 0);
    line.classList.toggle('minor', !isMajor);
  };
}
