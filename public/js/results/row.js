/** A row of the table of addresses. */
import { el, icon, setData, setText } from '../dom.js';
import { plain, raw } from '../text.js';
import { reasonOf, word } from '../texts.js';
import { resultDetail } from './detail.js';

let ids = 0;

/** One address: a line of the table and, when opened, its details. `changed` is called when the user opens or closes it. */
export function resultRow(changed) {
  const id = `detail-${++ids}`;
  let result;
  let written = '';
  let open = null;
  const address = el('span', { class: 'address' });
  const toggle = el(
    'button',
    { class: 'address-button', type: 'button', 'aria-expanded': 'false', 'aria-controls': id },
    icon('chevron'),
    address,
  );
  const verdict = el('span', { class: 'verdict-pill' });
  const reason = el('td', { class: 'wide' });
  const risk = el('span', { class: 'risk' });
  const score = el('td', { class: 'wide number' });
  const line = el(
    'tr',
    { class: 'line', onclick: click },
    el('td', { class: 'address-cell' }, toggle),
    el('td', {}, verdict),
    reason,
    el('td', { class: 'wide' }, risk),
    score,
  );
  const element = el('tbody', {}, line);

  function click(event) {
    // Selecting text in a row must not open it.
    if (!toggle.contains(event.target) && String(getSelection()) !== '') return;
    if (open === null) show();
    else hide();
    changed();
  }

  function show() {
    open = el('tr', { class: 'detail', id }, el('td', { colspan: '5' }, resultDetail(result)));
    element.append(open);
    toggle.setAttribute('aria-expanded', 'true');
  }

  function hide() {
    open.remove();
    open = null;
    toggle.setAttribute('aria-expanded', 'false');
  }

  function update(next) {
    const text = JSON.stringify(next);
    if (text === written) return;
    written = text;
    result = next;
    const { email, status, details, risk_level, deliverability_score } = next;
    address.replaceChildren(raw(email, 120));
    toggle.title = plain(email, 400);
    setText(verdict, word(status));
    setData(verdict, 'status', status);
    reason.replaceChildren(reasonIn(details));
    setText(risk, risk_level === null ? '–' : word(risk_level));
    setData(risk, 'risk', risk_level ?? '');
    setText(score, deliverability_score === null ? '–' : String(deliverability_score));
    if (open !== null) open.firstElementChild.replaceChildren(resultDetail(result));
  }

  return { element, update, open: show, isOpen: () => open !== null };
}

function reasonIn(details) {
  const said = details?.sub_status ? reasonOf(details.sub_status) : details?.general?.reason;
  return said ? raw(said, 60) : el('span', { class: 'nothing', text: '–' });
}
