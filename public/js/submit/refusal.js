import { el, icon } from '../dom.js';
import { count, duration } from '../format.js';
import { raw } from '../text.js';

const TITLES = {
  validator_not_configured: 'This gateway has no validator',
  validator_unavailable: 'The validator is not available',
  rate_limited: 'Too many submissions',
  payload_too_large: 'The list is too large',
  unauthorized: 'A token is needed',
  forbidden: 'This is not allowed',
  unreachable: 'The gateway cannot be reached',
};

/** Shows a refusal in full: what, why, and which field or line of the list. */
export function refusalNote(error, emails) {
  const later = error.retryAfter ? ` Try again in ${duration(error.retryAfter)}.` : '';
  return el(
    'div',
    { class: 'refusal', role: 'alert', tabindex: '-1', 'data-code': error.code },
    icon('warning'),
    el(
      'div',
      {},
      el('h2', { text: TITLES[error.code] ?? 'The list was not accepted' }),
      el('p', { text: `${error.message}${later}` }),
      error.fields.length > 0
        ? el('ul', {}, ...error.fields.slice(0, 10).map((field) => fieldLine(field, emails)))
        : null,
    ),
  );
}

function fieldLine({ field, message }, emails) {
  const index = /^emails\[(\d+)\]/.exec(field)?.[1];
  const meant = index === undefined ? undefined : emails[Number(index)];
  return el(
    'li',
    {},
    el('code', {}, raw(field, 80)),
    ': ',
    raw(message, 300),
    ...(meant === undefined
      ? []
      : [' (', el('span', { text: `address ${count(Number(index) + 1)}: ` }), raw(meant, 60), ')']),
  );
}
