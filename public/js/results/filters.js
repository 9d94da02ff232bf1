/** The filters and the search of a list's addresses. */
import { el, icon, setText } from '../dom.js';
import { count } from '../format.js';
import { t, word } from '../texts.js';
import { REASONS, RISKS, STATUSES } from '../values.js';
import { chosen, toggled } from './wish.js';

const TYPING_MS = 150;

/** `changed` is called with what differs; `clear` when all filters are to go. */
export function filterBar(wish, changed, clear) {
  let now = wish;
  let typing;
  /** With what is typed already: a click may be faster than the pause after which that counts. */
  function change(difference, how) {
    clearTimeout(typing);
    changed({ email: search.value.trim(), ...difference }, how);
  }
  const tabs = ['', ...STATUSES].map((status) =>
    tab(status, () => change({ status: status === '' ? '' : toggled(now.status, status) })),
  );
  const risk = el(
    'select',
    { class: 'input', 'aria-label': t.results.riskLevel, onchange: () => change({ risk: risk.value }) },
    el('option', { value: '', text: t.results.anyRisk }),
    ...RISKS.map((level) => el('option', { value: level, text: t.results.risks[level] })),
  );
  const reason = el(
    'select',
    {
      class: 'input',
      'aria-label': t.results.reason,
      onchange: () => change({ reason: toggled(now.reason, reason.value) }),
    },
    el('option', { value: '', text: t.results.anyReason }),
    ...REASONS.map((name) => el('option', { value: name, text: word(name) })),
  );
  const search = el('input', {
    class: 'input',
    type: 'search',
    'aria-label': t.results.search,
    placeholder: t.results.searchHint,
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    maxlength: '320',
    value: wish.email,
  });
  const chips = el('div', { class: 'chips', hidden: true });
  const clearAll = el('button', {
    class: 'button small',
    type: 'button',
    text: t.results.clear,
    onclick: () => {
      clearTimeout(typing);
      search.value = '';
      clear();
      search.focus();
    },
  });
  search.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => change({}, { isTyping: true }), TYPING_MS);
  });

  function chip(name) {
    return el(
      'button',
      {
        class: 'chip',
        type: 'button',
        title: t.results.removeFilter,
        onclick: () => change({ reason: toggled(now.reason, name) }),
      },
      word(name),
      el('span', { 'aria-hidden': 'true', text: ' ×' }),
    );
  }

  return {
    element: el(
      'div',
      { class: 'filters' },
      el(
        'div',
        { class: 'tabs', role: 'group', 'aria-label': t.results.verdict },
        ...tabs.map(({ element }) => element),
      ),
      el('div', { class: 'search' }, icon('search'), search),
      reason,
      risk,
      chips,
    ),
    update(next) {
      now = { ...next };
      for (const { mark } of tabs) mark(next.status);
      risk.value = RISKS.includes(next.risk) ? next.risk : '';
      reason.value = '';
      const reasons = chosen(next.reason);
      chips.replaceChildren(...reasons.map(chip), clearAll);
      chips.hidden = !(next.status || next.risk || next.reason || next.email);
      // The search box is not overwritten while the user types.
      if (document.activeElement !== search) search.value = next.email;
    },
    count({ stats, progress }) {
      for (const { status, number } of tabs) {
        setText(number, count(status === '' ? progress.processed : stats[status].count));
      }
    },
    close: () => clearTimeout(typing),
  };
}

function tab(status, choose) {
  const number = el('span', { class: 'tab-count' });
  const element = el(
    'button',
    { class: 'tab', type: 'button', 'aria-pressed': 'false', 'data-status': status, onclick: choose },
    status === '' ? null : el('span', { class: `dot ${status}` }),
    status === '' ? t.results.all : word(status),
    number,
  );
  return {
    status,
    element,
    number,
    mark(value) {
      const isOn = status === '' ? value === '' : chosen(value).includes(status);
      element.setAttribute('aria-pressed', String(isOn));
    },
  };
}
