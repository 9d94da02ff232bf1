/** The scores as a histogram of ten steps, with its numbers as a table for screen readers. */
import { el, setText, svg } from '../dom.js';
import { count } from '../format.js';
import { t } from '../texts.js';
import { STATUSES } from '../values.js';

const HEIGHT = 96;
const STEP = 24;
const GAP = 3;

export function histogram(title) {
  const bars = svg('g');
  const chart = svg(
    'svg',
    {
      class: 'histogram',
      viewBox: `0 0 ${STEP * 10} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    bars,
  );
  const axis = el(
    'p',
    { class: 'histogram-axis muted', 'aria-hidden': 'true' },
    el('span', { text: '0' }),
    el('span', { text: '50' }),
    el('span', { text: '100' }),
  );
  const rows = el('tbody');
  const table = el(
    'table',
    { class: 'unseen-text' },
    el('caption', { text: title }),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        el('th', { scope: 'col', text: title }),
        el('th', { scope: 'col', text: t.insights.addresses }),
      ),
    ),
    rows,
  );
  const note = el('p', { class: 'insight-note muted' });

  function bar(item, index, largest) {
    let top = HEIGHT;
    const parts = STATUSES.map((status) => {
      const height = (item[status] / largest) * (HEIGHT - 2);
      top -= height;
      return svg('rect', {
        class: `column ${status}`,
        x: String(index * STEP + GAP),
        y: top.toFixed(2),
        width: String(STEP - 2 * GAP),
        height: height.toFixed(2),
      });
    });
    return svg('g', {}, svg('title', {}, t.insights.bar(item.value, item.count)), ...parts);
  }

  return {
    element: el(
      'section',
      { class: 'insight', 'aria-label': title },
      el('h3', { text: title, title: t.insights.average }),
      chart,
      axis,
      table,
      note,
    ),
    say: (text) => setText(note, text),
    show({ items, none }) {
      const steps = [...items].sort((a, b) => Number.parseInt(a.value, 10) - Number.parseInt(b.value, 10));
      const largest = Math.max(...steps.map((item) => item.count), 1);
      bars.replaceChildren(...steps.map((item, index) => bar(item, index, largest)));
      rows.replaceChildren(
        ...steps.map((item) =>
          el('tr', {}, el('th', { scope: 'row', text: item.value }), el('td', { text: count(item.count) })),
        ),
      );
      setText(note, none.count > 0 ? t.insights.noScore(none.count) : '');
    },
  };
}
