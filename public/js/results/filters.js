/** The filters and the search of a file's addresses. */
import { el, icon, setText } from '../dom.js';
import { shortCount } from '../format.js';
import { RISKS, STATUSES, word } from '../words.js';

const TYPING_MS = 250;

export function filterBar(wish, change) {
  const tabs = ['', ...STATUSES].map((status) => tab(status, () => change({ status })));
  const risk = el(
    'select',
    { class: 'input', 'aria-label': 'Risk level', onchange: () => change({ risk: risk.value }) },
    el('option', { value: '', text: 'Any risk' }),
    ...RISKS.map((level) =>
      el('option', { value: level, text: `${word(level)} risk`.replace('None', 'No') }),
    ),
  );
  const search = el('input', {
    class: 'input',
    type: 'search',
    'aria-label': 'Search by the beginning of the address',
    placeholder: 'Address begins with…',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    maxlength: '320',
    value: wish.email,
  });
  let typing;
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => change({ email: search.value }), TYPING_MS);
  });

  return {
    element: el(
      'div',
      { class: 'filters' },
      el(
        'div',
        { class: 'tabs', role: 'group', 'aria-label': 'Verdict' },
        ...tabs.map(({ element }) => element),
      ),
      el('div', { class: 'search' }, icon('search'), search),
      risk,
    ),
    update(next) {
      for (const { mark } of tabs) mark(next.status);
      risk.value = next.risk;
      // The search box is not overwritten while the user types.
      if (document.activeElement !== search) search.value = next.email;
    },
    count({ stats, progress }) {
      for (const { status, number } of tabs) {
        setText(number, shortCount(status === '' ? progress.processed : stats[status].count));
      }
    },
  };
}

function tab(status, choose) {
  const number = el('span', { class: 'tab-count' });
  const element = el(
    'button',
    { class: 'tab', type: 'button', 'aria-pressed': 'false', 'data-status': status, onclick: choose },
    status === '' ? null : el('span', { class: `dot ${status}` }),
    status === '' ? 'All' : word(status),
    number,
  );
  return {
    status,
    element,
    number,
    mark: (chosen) => element.setAttribute('aria-pressed', String(chosen === status)),
  };
}
