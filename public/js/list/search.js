/** Finds lists by a part of their name. */
import { el, icon } from '../dom.js';
import { t } from '../texts.js';

const TYPING_MS = 250;

export function searchBox(changed, first) {
  const input = el('input', {
    class: 'input',
    type: 'search',
    'aria-label': t.list.search,
    placeholder: t.list.search,
    spellcheck: 'false',
    autocomplete: 'off',
    maxlength: '256',
    value: first,
  });
  let typing;
  input.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(changed, TYPING_MS);
  });
  const text = () => input.value.trim().toLowerCase();
  return {
    element: el('div', { class: 'search list-search', hidden: first === '' }, icon('search'), input),
    text,
    among: (items, most) => ({
      items: items.filter(({ fileId }) => fileId.toLowerCase().includes(text())).slice(0, most),
      nextCursor: null,
    }),
  };
}
