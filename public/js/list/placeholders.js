/** What the list of files shows while it loads, is empty or cannot be read. */
import { el, icon, svg } from '../dom.js';
import { explain, t } from '../texts.js';

export function skeletonRows(rows = 4) {
  const row = () =>
    el(
      'div',
      { class: 'skeleton-row' },
      el('span', { class: 'skeleton short' }),
      el('span', { class: 'skeleton' }),
      el('span', { class: 'skeleton shorter' }),
    );
  return el(
    'div',
    { class: 'card', role: 'group', 'aria-busy': 'true', 'aria-label': t.list.loading },
    ...Array.from({ length: rows }, row),
  );
}

export function emptyList() {
  return el(
    'div',
    { class: 'card empty' },
    drawing(),
    el('h2', { text: t.list.emptyTitle }),
    el('p', { class: 'muted', text: t.list.emptyText }),
    el('a', { class: 'button primary', href: '#/new' }, icon('upload'), t.shell.validate),
  );
}

export function trouble(error, again) {
  return el(
    'div',
    { class: 'card empty', role: 'alert' },
    icon('warning'),
    el('h2', { text: t.list.trouble }),
    el('p', { class: 'muted', text: explain(error) }),
    el('button', { class: 'button', type: 'button', text: t.common.tryAgain, onclick: again }),
  );
}

/** The drawing of the empty list: three letters passing a gate. */
function drawing() {
  const letter = (x, y, kind) =>
    svg(
      'g',
      { class: `letter ${kind}`, transform: `translate(${x} ${y})` },
      svg('rect', { width: '34', height: '24', rx: '4' }),
      svg('path', { d: 'm3 5 14 9 14-9' }),
    );
  return svg(
    'svg',
    { class: 'drawing', viewBox: '0 0 220 96', 'aria-hidden': 'true' },
    svg('path', { class: 'lane', d: 'M8 48h204' }),
    letter(14, 36, 'waiting'),
    letter(62, 36, 'waiting'),
    svg('path', { class: 'gate', d: 'M112 16v64M120 16v64' }),
    letter(140, 10, 'risky'),
    letter(168, 36, 'deliverable'),
    letter(140, 62, 'undeliverable'),
  );
}
