/** The buttons that change the page. */
import { el, icon, setText } from '../dom.js';
import { t } from '../texts.js';

const LIMITS = [25, 50, 100, 250, 500];

export function pagination(change) {
  let at = { page: 1, pages: 1 };
  const range = el('span', { class: 'range' });
  /** Any page at once: a large list has thousands. */
  const jump = el('input', {
    class: 'input small page-jump',
    type: 'number',
    min: '1',
    'aria-label': t.results.page,
    onchange: () => {
      const wanted = Math.min(Math.max(Math.trunc(jump.valueAsNumber) || at.page, 1), at.pages);
      jump.value = String(wanted);
      if (wanted !== at.page) change({ page: wanted });
    },
  });
  const last = el('span');
  const where = el('span', { class: 'muted page-where' }, t.results.page, jump, last);
  const limit = el(
    'select',
    {
      class: 'input small',
      'aria-label': t.results.pageSize,
      onchange: () => change({ limit: Number(limit.value), page: 1 }),
    },
    ...LIMITS.map((n) => el('option', { value: String(n), text: t.results.perPage(n) })),
  );
  const previous = step(t.results.previous, 'back', () => change({ page: at.page - 1 }));
  const next = step(t.results.next, 'chevron', () => change({ page: at.page + 1 }));

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
        total === 0 ? t.results.nothing : t.results.range(first, Math.min(first + size - 1, total), total),
      );
      where.hidden = pages <= 1;
      setText(last, t.results.pageOf(pages));
      jump.max = String(pages);
      // Not while it is being typed into.
      if (document.activeElement !== jump) jump.value = String(page);
      enable(previous, page > 1);
      enable(next, page < pages);
      if (!LIMITS.includes(size) && !limit.querySelector(`[value="${Number(size)}"]`)) {
        limit.prepend(el('option', { value: String(size), text: t.results.perPage(size) }));
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
