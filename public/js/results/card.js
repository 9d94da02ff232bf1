import { fileHref, query } from '../api.js';
import { el, icon, reconcile } from '../dom.js';
import { downloadMenu } from './export.js';
import { filterBar } from './filters.js';
import { pageLoader } from './loader.js';
import { pagination } from './pagination.js';
import { resultRow } from './row.js';

const DEFAULTS = { status: '', risk: '', reason: '', email: '', page: 1, limit: 50 };

/** The addresses of a file: filters, search, pages, export. It holds only one page of rows. */
export function resultsCard(fileId, parameters) {
  const wish = readWish(parameters);
  let rows = new Map();
  let stats;

  const loader = pageLoader(fileId, { onPage: show, onError: fail });
  const filters = filterBar(wish, (change) => ask({ ...change, page: 1 }));
  const pages = pagination((change) => ask(change));
  const downloads = downloadMenu(fileId);
  const table = el(
    'table',
    { class: 'results' },
    el('caption', { class: 'unseen-text', text: 'Addresses and their verdicts' }),
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        ...[
          ['Address', ''],
          ['Verdict', ''],
          ['Reason', 'wide'],
          ['Risk', 'wide'],
          ['Score', 'wide number'],
        ].map(([text, kind]) => el('th', { scope: 'col', class: kind, text })),
      ),
    ),
  );
  const head = table.tHead;
  const notice = el('div', { class: 'results-notice muted', 'aria-live': 'polite' });
  const element = el(
    'section',
    { class: 'card results-card', 'aria-label': 'Addresses' },
    el(
      'div',
      { class: 'results-top' },
      el('h2', { class: 'card-title', text: 'Addresses' }),
      downloads.element,
    ),
    filters.element,
    el('div', { class: 'results-body' }, table, notice),
    pages.element,
  );

  function ask(change) {
    Object.assign(wish, change);
    history.replaceState(null, '', fileHref(fileId) + query(differences(wish)));
    filters.update(wish);
    downloads.update(wish);
    element.classList.add('asking');
    loader.ask(wish);
  }

  function show({ emails, pagination: { total, page, limit, pages: last } }) {
    // The file has become shorter than the page shown: go to the last page.
    if (emails.length === 0 && page > 1 && last >= 1 && page > last) return ask({ page: last });
    element.classList.remove('asking');
    const next = new Map();
    for (const result of emails) {
      const key = JSON.stringify([result.batchId, result.position]);
      const row = rows.get(key) ?? resultRow();
      row.update(result);
      next.set(key, row);
    }
    rows = next;
    reconcile(table, [table.caption, head, ...[...rows.values()].map((row) => row.element)]);
    table.hidden = emails.length === 0;
    paintNotice(emails.length === 0 ? nothing(wish, stats) : '');
    pages.update({ total, page, limit, pages: last });
  }

  function fail(error) {
    const isAwaited = element.classList.contains('asking') || rows.size === 0;
    element.classList.remove('asking');
    // An automatic refresh may fail silently: the header says how old the rows are.
    if (!isAwaited) return;
    const again = el('button', {
      class: 'button',
      type: 'button',
      text: 'Try again',
      onclick: () => ask({}),
    });
    paintNotice(error.message, again);
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
    choose(status) {
      ask({ ...DEFAULTS, limit: wish.limit, status });
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
    changed: loader.changed,
    retry: loader.retry,
    update(next) {
      stats = next;
      filters.count(next);
      downloads.enable(next.progress.processed > 0 && next.status !== 'purged', next.submission !== null);
      if (rows.size === 0 && !element.classList.contains('asking')) paintNotice(nothing(wish, stats));
    },
    close: loader.close,
  };
}

function readWish(parameters) {
  const whole = (name, least, most) => {
    const value = Number(parameters.get(name));
    return Number.isInteger(value) && value >= least && value <= most ? value : DEFAULTS[name];
  };
  const text = (name) => parameters.get(name) ?? '';
  return {
    status: text('status'),
    risk: text('risk'),
    reason: text('reason'),
    email: text('email'),
    page: whole('page', 1, 1e9),
    limit: whole('limit', 1, 500),
  };
}

function differences(wish) {
  return Object.fromEntries(Object.entries(wish).filter(([name, value]) => value !== DEFAULTS[name]));
}

function nothing({ status, risk, reason, email }, stats) {
  if (stats?.status === 'purged')
    return 'The addresses were deleted after their retention time. The counts stay.';
  if (status || risk || reason || email) return 'No address matches these filters.';
  return stats?.createdAt === null
    ? 'Nothing has been heard of this list yet. It shows up here with its first results.'
    : 'No results yet. They show up here as they come in.';
}
