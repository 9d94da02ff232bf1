/** The second step: what was found in a list, its column of addresses, its name. */
import { call } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { raw } from '../text.js';
import { t } from '../texts.js';
import { countsOf, kindOf } from './found.js';
import { sampleTable } from './sample.js';

/** `onSubmit` is called with `{ name, column, addresses }`, `onError` when a column cannot be counted. */
export function listPreview(list, { name: proposed, onSubmit, onAgain, onError, signal }) {
  let column = list.emailColumn;
  let unique = list.unique;
  const counts = el('p', { class: 'found-counts', role: 'status' });
  const which = el('p', { class: 'found-which' });
  const table = sampleTable(list, (index) => void choose(index));
  const name = el('input', {
    class: 'input',
    id: 'list-name',
    type: 'text',
    value: proposed,
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-describedby': 'list-name-hint',
  });
  const label = el('span');
  const submit = el('button', { class: 'button primary large', type: 'submit' }, icon('check'), label);
  const trouble = el('div', { class: 'trouble' });

  async function choose(index) {
    if (index === column) return;
    column = index;
    paint({ rows: list.rows, unique: null });
    try {
      const answer = await call(`api/lists/${list.listId}?column=${index}`, { signal });
      if (index === column) paint(answer);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
  }

  function paint(found) {
    unique = found.unique;
    table.mark(column);
    setText(counts, countsOf(found));
    which.classList.toggle('asks', column === null);
    setText(which, whichColumn());
    setText(label, unique === null ? t.submit.validate : t.submit.validateThese(unique));
    submit.disabled = unique === null || unique === 0;
  }

  function whichColumn() {
    if (column === null) return t.submit.whichColumn;
    return list.columns.length < 2 ? '' : t.submit.otherColumn;
  }

  function send(event) {
    event.preventDefault();
    if (submit.disabled || submit.getAttribute('aria-busy') === 'true') return;
    onSubmit({ name: name.value.trim(), column, addresses: unique });
  }

  paint(list);
  return {
    element: el(
      'form',
      { class: 'card submit', novalidate: true, onsubmit: send },
      el(
        'div',
        { class: 'found' },
        icon('file'),
        el(
          'div',
          {},
          el('h2', { class: 'found-name', tabindex: '-1' }, raw(list.name, 80)),
          el('p', { class: 'muted found-kind', text: kindOf(list) }),
          counts,
        ),
        el('button', { class: 'button small', type: 'button', text: t.submit.another, onclick: onAgain }),
      ),
      which,
      table.element,
      el(
        'div',
        { class: 'field' },
        el('label', { class: 'label', for: 'list-name', text: t.submit.name }),
        name,
        el('p', {
          class: 'hint muted',
          id: 'list-name-hint',
          text: t.submit.nameHint,
        }),
      ),
      trouble,
      el('div', { class: 'submit-foot' }, submit),
    ),
    trouble,
    markName: (isWrong) => name.setAttribute('aria-invalid', String(isWrong)),
    busy(on) {
      submit.setAttribute('aria-busy', String(on));
      submit.classList.toggle('busy', on);
    },
  };
}
