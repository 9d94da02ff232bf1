/** What the list of files shows while it loads, is empty or cannot be read. */
import { el, icon, svg } from '../dom.js';

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
    { class: 'card', 'aria-busy': 'true', 'aria-label': 'Loading' },
    ...Array.from({ length: rows }, row),
  );
}

export function emptyList() {
  return el(
    'div',
    { class: 'card empty' },
    drawing(),
    el('h2', { text: 'Nothing here yet' }),
    el('p', {
      class: 'muted',
      text: 'Validate a list of addresses, or let your own programs send results: a list shows up here with the first of them, and is followed live from then on.',
    }),
    el('a', { class: 'button primary', href: '#/new' }, icon('upload'), 'Validate a list'),
  );
}

export function trouble(error, again) {
  return el(
    'div',
    { class: 'card empty', role: 'alert' },
    icon('warning'),
    el('h2', { text: 'This did not work' }),
    el('p', { class: 'muted', text: error.message }),
    el('button', { class: 'button', type: 'button', text: 'Try again', onclick: again }),
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
