import { fileHref, query } from '../api.js';
import { el, icon, reconcile, setText } from '../dom.js';
import { openRows, rememberOpen } from '../place.js';
import { explain, t } from '../texts.js';
import { arrowKeys } from './arrow-keys.js';
import { downloadMenu } from './export.js';
import { filterBar } from './filters.js';
import { pageLoader } from './loader.js';
import { pagination } from './pagination.js';
import { resultRow } from './row.js';
import { DEFAULTS, differences, isFiltered, readWish } from './wish.js';

/** The addresses of a file: filters, search, pages, export. It holds only one page of rows. */
export function resultsCard(fileId, parameters) {
  const wish = readWish(parameters);
  let rows = new Map();
  let stats;

  const loader = pageLoader(fileId, { onPage: show, onError: fail });
  const filters = filterBar(
    wish,
    (change, { isTyping = false } = {}) =>
      ask({ ...change, page: 1 }, isTyping ? 'replaceState' : 'pushState'),
    () => ask({ ...DEFAULTS, limit: wish.limit }, 'pushState'),
  );
  const pages = pagination((change) => ask(change, 'pushState'));
  const downloads = downloadMenu(fileId);
  const table = el(
    'table',
    { class: 'results' },
    el('caption', { class: 'unseen-text', text: t.results.caption }),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        ...[
          [t.results.address, ''],
          [t.results.verdict, ''],
          [t.results.reason, 'wide'],
          [t.results.risk, 'wide'],
          [t.results.score, 'wide number'],
        ].map(([text, kind]) => el('th', { scope: 'col', class: kind, text })),
      ),
    ),
  );
  const head = table.tHead;
  const keys = arrowKeys(table, '.address-button');
  /** The number of matches, said once after each choice; while a list runs it changes too often to be read out. */
  const matches = el('p', { class: 'unseen-text', role: 'status' });
  const notice = el('div', { class: 'results-notice muted', 'aria-live': 'polite' });
  const element = el(
    'section',
    { class: 'card results-card', 'aria-label': t.results.title },
    el(
      'div',
      { class: 'results-top' },
      el('h2', { class: 'card-title', text: t.results.title }),
      downloads.element,
    ),
    filters.element,
    el('div', { class: 'results-body' }, table, notice, matches),
    pages.element,
  );

  /** What the user chooses is a step of the history, to which Back returns. */
  function ask(change, remember = 'replaceState') {
    Object.assign(wish, change);
    const href = fileHref(fileId) + query(differences(wish));
    // The place on the page stays, so that Back returns to this one.
    if (href !== location.hash) history[remember](history.state, '', href);
    filters.update(wish);
    downloads.update(wish);
    element.classList.add('asking');
    loader.ask(wish);
  }

  function show({ emails, pagination: { total, page, limit, pages: last } }) {
    // The file has become shorter than the page shown: go to the last page.
    if (emails.length === 0 && page > 1 && last >= 1 && page > last) return ask({ page: last });
    if (element.classList.contains('asking')) setText(matches, t.results.addresses(total));
    element.classList.remove('asking');
    const next = new Map();
    const opened = new Set(openRows());
    for (const result of emails) {
      const key = JSON.stringify([result.batchId, result.position]);
      const known = rows.get(key);
      const row = known ?? resultRow(keepOpen);
      row.update(result);
      if (known === undefined && opened.has(key)) row.open();
      next.set(key, row);
    }
    rows = next;
    reconcile(table, [table.caption, head, ...[...rows.values()].map((row) => row.element)]);
    keys.settle();
    table.hidden = emails.length === 0;
    pages.element.hidden = false;
    paintNotice(emails.length === 0 ? nothing(wish, stats) : '');
    pages.update({ total, page, limit, pages: last });
  }

  function keepOpen() {
    rememberOpen([...rows].filter(([, row]) => row.isOpen()).map(([key]) => key));
  }

  function fail(error) {
    const isAwaited = element.classList.contains('asking') || rows.size === 0;
    element.classList.remove('asking');
    // An automatic refresh may fail silently: the header says how old the rows are.
    if (!isAwaited) return;
    const again = el('button', {
      class: 'button',
      type: 'button',
      text: t.common.tryAgain,
      onclick: () => ask({}),
    });
    // The rows on screen are not the ones that were asked for.
    table.hidden = true;
    pages.element.hidden = true;
    paintNotice(error.code === 'unreachable' ? t.results.unreachable : explain(error), again);
  }

  function paintNotice(text, ...more) {
    if (notice.textContent === text && more.length === 0) return;
    notice.replaceChildren(
      ...(text ? [icon(more.length > 0 ? 'warning' : 'file'), el('p', { text }), ...more] : []),
    );
  }

  const isPlain = () => Object.keys(differences(wish)).length === 0;
  filters.update(wish);
  downloads.update(wish);

  return {
    element,
    choose(status, reason = '') {
      ask({ ...DEFAULTS, limit: wish.limit, status, reason }, 'pushState');
      element.scrollIntoView({ block: 'start' });
    },
    /** Shows only what begins like this, or whose domain does. */
    search(email) {
      ask({ ...DEFAULTS, limit: wish.limit, email }, 'pushState');
      element.scrollIntoView({ block: 'start' });
    },
    /** A snapshot includes the first page; any other page is requested. */
    startOver(snapshot) {
      stats = snapshot.stats;
      if (stats.createdAt === null)
        show({ emails: [], pagination: { total: 0, page: 1, limit: wish.limit, pages: 0 } });
      else if (isPlain() && snapshot.emails?.pagination.limit === wish.limit) show(snapshot.emails);
      else ask({});
    },
    /** The history leads to other filters of the same list. */
    follow(next) {
      ask(readWish(next));
    },
    changed: loader.changed,
    retry: loader.retry,
    update(next) {
      stats = next;
      filters.count(next);
      downloads.enable(next.progress.processed > 0 && next.status !== 'purged', next.submission !== null);
      if (rows.size === 0 && !element.classList.contains('asking')) paintNotice(nothing(wish, stats));
    },
    close() {
      filters.close();
      loader.close();
    },
  };
}

function nothing(wish, stats) {
  if (stats?.status === 'purged') return t.results.purged;
  if (isFiltered(wish)) return t.results.noMatch;
  return stats?.createdAt === null ? t.results.noList : t.results.noneYet;
}
