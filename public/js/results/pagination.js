/** The buttons that change the page. */
import { el, icon, setText } from '../dom.js';
import { count } from '../format.js';

const LIMITS = [25, 50, 100, 250, 500];

export function pagination(change) {
  let at = { page: 1, pages: 1 };
  const range = el('span', { class: 'range' });
  const where = el('span', { class: 'muted' });
  const limit = el(
    'select',
    {
      class: 'input small',
      'aria-label': 'Addresses a page',
      onchange: () => change({ limit: Number(limit.value), page: 1 }),
    },
    ...LIMITS.map((n) => el('option', { value: String(n), text: `${n} a page` })),
  );
  const previous = step('Previous page', 'back', () => change({ page: at.page - 1 }));
  const next = step('Next page', 'chevron', () => change({ page: at.page + 1 }));

  return {
    element: el(
      'div',
      { class: 'results-foot' },
      range,
      el('div', { class: 'results-pages' }, where, previous, next, limit),
    ),
    update({ total, page, limit: size, pages }) {
      at = { page, pages };
      const first = (page - 1) * size + 1;
      setText(
        range,
        total === 0
          ? 'No addresses'
          : `${count(first)}–${count(Math.min(first + size - 1, total))} of ${count(total)}`,
      );
      setText(where, pages > 1 ? `Page ${count(page)} of ${count(pages)}` : '');
      enable(previous, page > 1);
      enable(next, page < pages);
      if (!LIMITS.includes(size) && !limit.querySelector(`[value="${Number(size)}"]`)) {
        limit.prepend(el('option', { value: String(size), text: `${size} a page` }));
      }
      limit.value = String(size);
    },
  };
}

function step(name, sign, go) {
  return el(
    'button',
    {
      class: 'icon-button boxed',
      type: 'button',
      'aria-label': name,
      title: name,
      'aria-disabled': 'true',
      onclick: (event) => event.currentTarget.getAttribute('aria-disabled') === 'true' || go(),
    },
    icon(sign),
  );
}

/** Not `disabled`, or a keyboard user would lose the focus on the last page. */
function enable(button, on) {
  button.setAttribute('aria-disabled', String(!on));
}
