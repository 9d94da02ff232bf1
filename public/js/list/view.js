/** The start page: what all lists add up to, and each of them. */
import { call, query } from '../api.js';
import { el, icon, reconcile } from '../dom.js';
import { t } from '../texts.js';
import { overviewCard } from './overview.js';
import { emptyList, skeletonRows, trouble } from './placeholders.js';
import { fileRow } from './row.js';
import { searchBox } from './search.js';

/** As many files as one page can follow at once. */
const PAGE = 20;
/** The feeds do not announce new files, so the first page is requested periodically. */
const LOOK_MS = 4000;
/** As many lists as a search looks through, the newest ones. */
const SEARCHED = 500;

export function listView({ route, socket, setTitle }) {
  const trail = trailOf(route);
  const rows = new Map();
  const stop = new AbortController();
  const list = el('ul', { class: 'file-list card' });
  const overview = overviewCard();
  const search = searchBox(find, route.parameters.get('name') ?? '');
  const body = el('div', {}, skeletonRows());
  const pager = el('nav', { class: 'pager', 'aria-label': t.list.pages });
  const element = el(
    'section',
    { class: 'page' },
    el('div', { class: 'page-head' }, el('h1', { tabindex: '-1', text: t.list.title })),
    overview.element,
    search.element,
    body,
    pager,
  );
  setTitle(t.list.title);

  /** A reload, and Back from a list, find the same. */
  function find() {
    history.replaceState(
      history.state,
      '',
      `#/${query({ name: search.text(), trail: route.parameters.get('trail') })}`,
    );
    void load();
  }

  async function load() {
    const text = search.text();
    // The API does not search by name: the newest lists are looked through here.
    const asked = text === '' ? { limit: PAGE, cursor: trail.at(-1) } : { limit: SEARCHED };
    void overview.load(stop.signal);
    try {
      const answer = await call(`api/files${query(asked)}`, { signal: stop.signal });
      if (text !== search.text()) return; // asked again meanwhile
      show(text === '' ? answer : search.among(answer.items, PAGE));
    } catch (error) {
      if (stop.signal.aborted || rows.size > 0) return; // the header says how old the rows are
      body.replaceChildren(trouble(error, () => void load()));
    }
  }

  function show({ items, nextCursor }) {
    if (items.length === 0) {
      for (const id of [...rows.keys()]) drop(id);
      body.replaceChildren(search.text() !== '' ? noMatch() : trail.length > 0 ? emptyPage() : emptyList());
      if (search.text() === '') search.element.hidden = trail.length === 0;
    } else {
      search.element.hidden = false;
      showRows(items);
    }
    paintPager(nextCursor);
  }

  function showRows(items) {
    const ids = new Set(items.map(({ fileId }) => fileId));
    for (const id of [...rows.keys()]) if (!ids.has(id)) drop(id);
    for (const stats of items) {
      const row = rows.get(stats.fileId);
      if (row) row.update(stats);
      else rows.set(stats.fileId, fileRow(socket, stats));
    }
    reconcile(
      list,
      items.map(({ fileId }) => rows.get(fileId).element),
    );
    if (!list.isConnected) body.replaceChildren(list);
  }

  function drop(id) {
    rows.get(id).close();
    rows.delete(id);
  }

  function paintPager(nextCursor) {
    const newer = trail.length > 0 ? link('newer', trail.slice(0, -1)) : null;
    const older = nextCursor ? link('older', [...trail, nextCursor]) : null;
    const links = [newer, older].filter(Boolean);
    // Rewritten only if it changes, or a focused link would lose the focus at every request.
    const text = JSON.stringify(links.map(({ href }) => href));
    if (pager.dataset.links === text) return;
    pager.dataset.links = text;
    pager.replaceChildren(...links);
  }

  list.addEventListener('deleted', () => void load());
  const look = setInterval(() => {
    for (const row of rows.values()) row.paintAge();
    if (document.visibilityState === 'visible') void load();
  }, LOOK_MS);
  void load();

  return {
    element,
    close() {
      stop.abort();
      clearInterval(look);
      for (const id of [...rows.keys()]) drop(id);
    },
  };
}

/** The cursors of the pages before this one. A fragment may say anything: then this is the first page. */
function trailOf({ parameters }) {
  try {
    return JSON.parse(parameters.get('trail')).filter((cursor) => typeof cursor === 'string');
  } catch {
    return [];
  }
}

function link(name, trail) {
  const search = trail.length > 0 ? query({ trail: JSON.stringify(trail) }) : '';
  return el(
    'a',
    { class: 'button', href: `#/${search}` },
    name === 'newer' ? icon('back') : '',
    t.list[name],
    name === 'older' ? icon('chevron') : '',
  );
}

function noMatch() {
  return el('p', { class: 'card notice muted', text: t.list.noMatch(SEARCHED) });
}

function emptyPage() {
  return el('p', { class: 'card notice muted', text: t.list.nothingOlder });
}
