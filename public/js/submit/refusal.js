/** Says in plain words why a list was refused. */
import { el, icon } from '../dom.js';
import { raw } from '../text.js';
import { explain, own, t } from '../texts.js';

export function refusalNote(error, limits) {
  const later = error.retryAfter ? t.refusal.later(error.retryAfter) : '';
  const text = textOf(error, limits);
  const fields = error.fields ?? [];
  return el(
    'div',
    { class: 'refusal', role: 'alert', tabindex: '-1', 'data-code': error.code },
    icon('warning'),
    el(
      'div',
      {},
      el('h2', { text: own(t.refusal.titles, error.code) ?? t.refusal.other }),
      el('p', { text: `${text}${later}` }),
      fields.length > 0 ? el('ul', {}, ...fields.slice(0, 10).map(fieldLine)) : null,
    ),
  );
}

const fieldLine = ({ field, message }) =>
  el('li', {}, own(t.refusal.fields, field) ?? el('code', {}, raw(field, 80)), ': ', raw(message, 300));

/** For people who upload; the gateway's own texts name its settings. */
function textOf(error, limits) {
  if (error.code !== 'payload_too_large') return own(t.refusal.texts, error.code) ?? explain(error);
  return limits === null ? t.refusal.tooLarge : t.refusal.tooLargeFor(limits.listBytes, limits.listRows);
}
