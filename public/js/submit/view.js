/** The page that submits a list. */
import { ApiError, call, fileHref, filePath } from '../api.js';
import { el, icon, setText } from '../dom.js';
import { plural } from '../format.js';
import { proposeId } from './address-list.js';
import { refusalNote } from './refusal.js';
import { addressSource } from './source.js';

export function submitView({ setTitle }) {
  let proposed = proposeId();
  const name = el('input', {
    class: 'input mono',
    id: 'file-id',
    type: 'text',
    value: proposed,
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-describedby': 'file-id-hint',
  });
  const label = el('span', { text: 'Validate' });
  const submit = el(
    'button',
    { class: 'button primary large', type: 'submit', disabled: true },
    icon('check'),
    label,
  );
  const trouble = el('div', { class: 'trouble' });
  const stop = new AbortController();
  /** The idempotency key, one for each list: a list that is sent again after a failure is not validated twice. */
  let key = newKey();
  setTitle('Validate a list');

  const source = addressSource({
    onList(emails) {
      key = newKey();
      setText(
        label,
        emails.length === 0 ? 'Validate' : `Validate ${plural(emails.length, 'address', 'addresses')}`,
      );
      submit.disabled = emails.length === 0;
    },
    onFile(fileName) {
      trouble.replaceChildren();
      // A name that the user typed stays; a proposed one is replaced by that of the file.
      if (name.value !== proposed) return;
      proposed = proposeId(fileName);
      name.value = proposed;
    },
    onTrouble: (text) => refuse(new ApiError(0, { code: 'payload_too_large', detail: text }), []),
  });

  async function send(event) {
    event.preventDefault();
    const emails = source.read();
    if (emails.length === 0 || submit.getAttribute('aria-busy') === 'true') return;
    trouble.replaceChildren();
    busy(true);
    const fileId = name.value.trim();
    try {
      checkId(fileId);
      await submitTo(fileId, { emails });
      location.hash = fileHref(fileId);
    } catch (error) {
      if (!stop.signal.aborted) refuse(error, emails);
    } finally {
      busy(false);
    }
  }

  /** A file that exists is overwritten only after the user has said so. */
  async function submitTo(fileId, body) {
    const path = `${filePath(fileId)}/validations`;
    const request = { method: 'POST', headers: { 'idempotency-key': key }, signal: stop.signal };
    try {
      await call(path, { ...request, body });
    } catch (error) {
      if (error.code !== 'file_exists' || !confirm(`Replace the results of “${fileId}”?`)) throw error;
      await call(path, { ...request, body: { ...body, replace: true } });
    }
  }

  function busy(on) {
    submit.setAttribute('aria-busy', String(on));
    submit.classList.toggle('busy', on);
  }

  function refuse(error, emails) {
    const note = refusalNote(error, emails);
    const isName = error.fields.some(({ field }) => field === 'fileId');
    name.setAttribute('aria-invalid', String(isName));
    source.field.setAttribute(
      'aria-invalid',
      String(error.fields.some(({ field }) => field.startsWith('emails'))),
    );
    trouble.replaceChildren(note);
    note.focus();
  }

  const element = el(
    'section',
    { class: 'page narrow' },
    el(
      'div',
      { class: 'page-head' },
      el('a', { class: 'crumb', href: '#/' }, icon('back'), 'Files'),
      el('h1', { tabindex: '-1', text: 'Validate a list' }),
      el('p', {
        class: 'muted',
        text: 'Paste the addresses or drop a file. Results show up while the list is being worked through.',
      }),
    ),
    el(
      'form',
      { class: 'card submit', novalidate: true, onsubmit: (event) => void send(event) },
      el(
        'div',
        { class: 'field' },
        el('label', { class: 'label', for: 'addresses', text: 'Addresses' }),
        source.element,
      ),
      el(
        'div',
        { class: 'field' },
        el('label', { class: 'label', for: 'file-id', text: 'File id' }),
        name,
        el('p', {
          class: 'hint muted',
          id: 'file-id-hint',
          text: 'The name to find this list by. If it exists already, you are asked before its results are replaced.',
        }),
      ),
      trouble,
      el('div', { class: 'submit-foot' }, submit),
    ),
  );

  return {
    element,
    close() {
      stop.abort();
      source.close();
    },
  };
}

/** `crypto.randomUUID` exists only on pages loaded over TLS or from loopback. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** `.` and `..` are path segments: a URL cannot hold them as an id. */
function checkId(fileId) {
  if (fileId !== '' && fileId !== '.' && fileId !== '..') return;
  const message = fileId === '' ? 'must not be empty' : 'cannot be part of a URL';
  throw new ApiError(0, {
    code: 'invalid_request',
    detail: 'The file needs another id.',
    errors: [{ field: 'fileId', message }],
  });
}
