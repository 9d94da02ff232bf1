/** The downloads of a list: the user's own file with its verdicts first, then what the filters show. */
import { filePath, query } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { t } from '../texts.js';
import { download } from './download.js';
import { isFiltered } from './wish.js';

/** `bom`: by it Excel knows UTF-8. */
const FOR_PEOPLE = { format: 'csv', bom: '1' };

const exportHref = (fileId, parameters) => `${filePath(fileId)}/export${query(parameters)}`;
export const safeHref = (fileId) => exportHref(fileId, { ...FOR_PEOPLE, status: 'deliverable' });

export function downloadMenu(fileId) {
  let filters = {};
  let isOfList = false;
  const link = (title, note) => {
    const name = el('span', { text: title });
    const more = el('span', { class: 'muted', text: note });
    const element = el('a', { class: 'menu-item', download: '' }, name, more);
    element.addEventListener('click', (event) => void follow(event, element));
    return { element, name, more };
  };
  const original = link(t.download.original, t.download.originalNote);
  const safe = link(t.download.safe, t.download.safeNote);
  const excel = link(t.download.excel, t.download.excelNote);
  const shown = link(t.download.all, t.download.shownNote);
  const developers = link(t.download.developers, t.download.developersNote);
  const summary = el('summary', { class: 'button small' }, icon('download'), t.download.open);
  const menu = el(
    'details',
    { class: 'downloads' },
    summary,
    el(
      'div',
      { class: 'menu' },
      original.element,
      excel.element,
      safe.element,
      shown.element,
      developers.element,
    ),
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
    const href = (parameters) => exportHref(fileId, parameters);
    original.element.href = href({ ...FOR_PEOPLE, layout: 'original' });
    excel.element.href = href({ format: 'xlsx', ...(isOfList && { layout: 'original' }) });
    safe.element.href = safeHref(fileId);
    shown.element.href = href({ ...FOR_PEOPLE, ...filters });
    developers.element.href = href({ format: 'ndjson', ...filters });
    setText(shown.name, isFiltered(filters) ? t.download.shown : t.download.all);
  }

  return {
    element: menu,
    update({ status, risk, reason, email }) {
      filters = { status, risk, reason, email };
      paint();
    },
    /** `hasOriginal`: the list was uploaded, so that it can come back. */
    enable(on, hasOriginal) {
      isOfList = hasOriginal;
      summary.setAttribute('aria-disabled', String(!on));
      original.element.hidden = !hasOriginal;
      paint();
    },
  };
}
