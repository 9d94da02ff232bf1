/** The first rows of a list, with the column that has the addresses marked. */
import { el } from '../dom.js';
import { raw } from '../text.js';
import { t } from '../texts.js';

/** A click on a column's head calls `choose` with its index. */
export function sampleTable({ columns, header, sample, format }, choose) {
  const isPlain = format === 'text' || columns.length < 2;
  const rows = header ? sample.slice(1) : sample;
  const heads = columns.map((column) => {
    const button = el(
      'button',
      {
        class: 'column-button',
        type: 'button',
        'aria-pressed': 'false',
        onclick: () => choose(column.index),
      },
      el('span', { class: 'column-name' }, column.name ? raw(column.name, 40) : unnamed(column, format)),
      el('span', { class: 'column-count', text: addressesIn(column) }),
    );
    return { index: column.index, button, cell: el('th', { scope: 'col' }, button) };
  });
  const cells = [];
  const body = rows.map((row) =>
    el(
      'tr',
      {},
      ...columns.map(({ index }) => {
        const cell = el('td', {}, row[index] ? raw(row[index], 60) : '');
        cells.push({ index, cell });
        return cell;
      }),
    ),
  );
  const table = el(
    'table',
    { class: 'sample' },
    el('caption', { class: 'unseen-text', text: t.submit.sample(rows.length) }),
    el('thead', {}, el('tr', {}, ...heads.map(({ cell }) => cell))),
    el('tbody', {}, ...body),
  );
  return {
    element: el(
      'div',
      { class: 'sample-box', tabindex: '0', role: 'region', 'aria-label': t.submit.firstRows },
      table,
    ),
    mark(chosen) {
      for (const { index, button, cell } of heads) {
        button.setAttribute('aria-pressed', String(index === chosen));
        button.disabled = isPlain;
        cell.classList.toggle('chosen', index === chosen);
      }
      for (const { index, cell } of cells) cell.classList.toggle('chosen', index === chosen);
    },
  };
}

/** The name of a column without one. A text has one column, of addresses. */
const unnamed = ({ index }, format) => (format === 'text' ? t.results.title : t.submit.column(index + 1));

const addressesIn = ({ addresses }) =>
  addresses === 0 ? t.submit.noAddresses : t.submit.addresses(addresses);
