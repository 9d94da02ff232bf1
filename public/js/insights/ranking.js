/** A chart of the most frequent values, which is a table as well. */
import { el, setShare, setText } from '../dom.js';
import { count, percent } from '../format.js';
import { raw } from '../text.js';
import { t, word } from '../texts.js';
import { STATUSES } from '../values.js';

const SHOWN = 7;

/** `nameOf` writes a value; with `choose`, each value is a button. */
export function ranking(title, { nameOf = (value) => raw(value, 60), choose } = {}) {
  const rows = el('tbody');
  const table = el(
    'table',
    { class: 'ranking', hidden: true },
    el('caption', { class: 'unseen-text', text: title }),
    el(
      'colgroup',
      {},
      ...['name', 'bars', 'count', 'share'].map((name) => el('col', { class: `rank-${name}` })),
    ),
    el(
      'thead',
      { class: 'unseen-text' },
      el(
        'tr',
        {},
        ...[t.insights.value, t.file.verdicts, t.insights.addresses, t.insights.share].map((text) =>
          el('th', { scope: 'col', text }),
        ),
      ),
    ),
    rows,
  );
  const note = el('p', { class: 'insight-note muted' });

  function row(item, largest, whole) {
    const name = nameOf(item.value);
    const bar = el(
      'span',
      { class: 'rank-bar', 'aria-hidden': 'true' },
      ...STATUSES.map((status) => {
        const segment = el('span', { class: `segment ${status}` });
        setShare(segment, item[status] / largest);
        return segment;
      }),
    );
    const parts = STATUSES.filter((status) => item[status] > 0);
    const told = parts.map((status) => `${word(status)}: ${count(item[status])}`).join(', ');
    return el(
      'tr',
      {},
      el(
        'th',
        { scope: 'row' },
        choose === undefined
          ? name
          : el(
              'button',
              {
                class: 'rank-button',
                type: 'button',
                title: t.common.showThese,
                onclick: () => choose(item.value),
              },
              name,
            ),
      ),
      el('td', { class: 'rank-bars', title: told }, bar, el('span', { class: 'unseen-text', text: told })),
      el('td', { class: 'number', text: count(item.count) }),
      el('td', { class: 'number muted', text: percent(item.count, whole) }),
    );
  }

  return {
    element: el('section', { class: 'insight', 'aria-label': title }, el('h3', { text: title }), table, note),
    say(text) {
      table.hidden = true;
      setText(note, text);
    },
    /** `whole`: all results, of which the shares are. */
    show({ items, other }, whole) {
      const shown = items.slice(0, SHOWN);
      const rest = items.slice(SHOWN).reduce((sum, item) => sum + item.count, other.count);
      const largest = shown[0]?.count ?? 1;
      rows.replaceChildren(...shown.map((item) => row(item, largest, whole)));
      table.hidden = shown.length === 0;
      setText(note, shown.length === 0 ? t.insights.nothing : rest > 0 ? t.insights.others(rest) : '');
    },
  };
}
