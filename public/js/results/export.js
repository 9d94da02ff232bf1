/** The downloads of a list: the user's own file with its verdicts first, then what the filters show. */
import { filePath, query } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { download } from './download.js';
import { isFiltered } from './wish.js';

/** `bom`: by it Excel knows UTF-8. */
const FOR_PEOPLE = { format: 'csv', bom: '1' };

export function downloadMenu(fileId) {
  let filters = {};
  const link = (title, note) => {
    const name = el('span', { text: title });
    const more = el('span', { class: 'muted', text: note });
    const element = el('a', { class: 'menu-item', download: '' }, name, more);
    element.addEventListener('click', (event) => void follow(event, element));
    return { element, name, more };
  };
  const original = link('Your file with verdicts', 'Every row and column as it was, the verdict behind it');
  const safe = link('Safe to send', 'Only the deliverable addresses, CSV');
  const shown = link('All addresses', 'CSV, opens in Excel');
  const developers = link('For developers', 'NDJSON with every detail, by the filters');
  const summary = el('summary', { class: 'button small' }, icon('download'), 'Download');
  const menu = el(
    'details',
    { class: 'downloads' },
    summary,
    el('div', { class: 'menu' }, original.element, safe.element, shown.element, developers.element),
  );
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    menu.open = false;
    summary.focus();
  });
  menu.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget !== null && !menu.contains(relatedTarget)) menu.open = false;
  });

  async function follow(event, element) {
    if (summary.getAttribute('aria-disabled') === 'true') return event.preventDefault();
    menu.open = false;
    await download(event, element);
  }

  summary.addEventListener('click', (event) => {
    if (summary.getAttribute('aria-disabled') === 'true') event.preventDefault();
  });

  function paint() {
    const href = (parameters) => `${filePath(fileId)}/export${query(parameters)}`;
    original.element.href = href({ ...FOR_PEOPLE, layout: 'original' });
    safe.element.href = href({ ...FOR_PEOPLE, status: 'deliverable' });
    shown.element.href = href({ ...FOR_PEOPLE, ...filters });
    developers.element.href = href({ format: 'ndjson', ...filters });
    setText(shown.name, isFiltered(filters) ? 'What the filters show' : 'All addresses');
  }

  return {
    element: menu,
    update({ status, risk, reason, email }) {
      filters = { status, risk, reason, email };
      paint();
    },
    /** `hasOriginal`: the list was uploaded, so that it can come back. */
    enable(on, hasOriginal) {
      summary.setAttribute('aria-disabled', String(!on));
      original.element.hidden = !hasOriginal;
    },
  };
}
