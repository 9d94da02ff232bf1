/** Says in plain words why a list was refused. */
import { el, icon } from '../dom.js';
import { bytes, count, duration } from '../format.js';
import { raw } from '../text.js';

const TITLES = {
  file_exists: 'There is a list of this name',
  forbidden: 'This is not allowed',
  list_not_found: 'The upload has expired',
  no_addresses: 'No addresses found',
  payload_too_large: 'The list is too large',
  rate_limited: 'Too many at once',
  unauthorized: 'A token is needed',
  unreachable: 'The server cannot be reached',
  unsupported_list: 'This file is not a list',
  validator_not_configured: 'No validator is set up here',
  validator_unavailable: 'The validator is not available',
};

/** The texts of these codes are for people who upload; the gateway's own name its settings. */
const TEXTS = {
  list_not_found: () => 'A list is kept for an hour before it is validated. Please choose the file again.',
  no_addresses: () => 'Nothing in this file looks like an e-mail address. Is it the right one?',
  payload_too_large: (limits) =>
    limits === null
      ? 'Please split it into several files.'
      : `A list may have ${bytes(limits.listBytes)} and ${count(limits.listRows)} rows. Please split it into several files.`,
  unsupported_list: () =>
    'Pictures, archives, PDFs and old Excel files (.xls) cannot be read. Save your list as CSV, text or Excel (.xlsx), and choose that.',
  validator_not_configured: () =>
    'Lists can be looked at here, but not validated. The operator has to set VALIDATOR_URL.',
};

export function refusalNote(error, limits) {
  const later = error.retryAfter ? ` Try again in ${duration(error.retryAfter)}.` : '';
  const text = TEXTS[error.code]?.(limits) ?? error.message;
  const fields = error.fields ?? [];
  return el(
    'div',
    { class: 'refusal', role: 'alert', tabindex: '-1', 'data-code': error.code },
    icon('warning'),
    el(
      'div',
      {},
      el('h2', { text: TITLES[error.code] ?? 'The list was not accepted' }),
      el('p', { text: `${text}${later}` }),
      fields.length > 0 ? el('ul', {}, ...fields.slice(0, 10).map(fieldLine)) : null,
    ),
  );
}

/** What the page calls by another name than the API. */
const FIELDS = { fileId: 'Name', column: 'Column', body: 'File', name: 'File name' };

const fieldLine = ({ field, message }) =>
  el('li', {}, FIELDS[field] ?? el('code', {}, raw(field, 80)), ': ', raw(message, 300));
