/** The first step: a list is dropped, chosen or pasted. */
import { el, icon, setText } from '../dom.js';
import { t } from '../texts.js';
import { pastedText } from './pasted.js';

/** `onList` is called with the content, a Blob, and its file's name, or null for pasted text. */
export function listSource(onList) {
  const limits = el('p', { class: 'hint muted', id: 'list-limits', text: t.submit.kinds });
  const input = el('input', {
    class: 'unseen-text',
    type: 'file',
    id: 'upload',
    accept: '.csv,.tsv,.txt,.lst,.list,.xlsx,text/plain,text/csv',
    tabindex: '-1',
    'aria-hidden': 'true',
  });
  const choose = el(
    'button',
    {
      class: 'button primary large',
      type: 'button',
      'aria-describedby': 'list-limits',
      onclick: () => input.click(),
    },
    icon('upload'),
    t.submit.choose,
  );
  const zone = el(
    'div',
    { class: 'drop-zone' },
    el('p', { class: 'drop-title', text: t.submit.drop }),
    choose,
    limits,
    input,
  );
  const text = el('textarea', {
    class: 'input mono',
    id: 'addresses',
    rows: '5',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    placeholder: 'jane@example.com\njohn@example.org',
  });
  const go = el('button', {
    class: 'button',
    type: 'button',
    disabled: true,
    text: t.submit.go,
    onclick: () => onList(pasted.content(), null),
  });
  const enable = () => {
    // Not the whole text at each keystroke: it may be megabytes long.
    go.disabled = pasted.isEmpty() && !/\S/.test(text.value);
    go.classList.toggle('primary', !go.disabled);
  };
  const pasted = pastedText(text, enable);
  text.addEventListener('input', enable);
  input.addEventListener('change', () => {
    const [file] = input.files;
    input.value = '';
    if (file) onList(file, file.name);
  });
  const element = el(
    'div',
    { class: 'card submit' },
    zone,
    el(
      'div',
      { class: 'field' },
      el('label', { class: 'label', for: 'addresses', text: t.submit.paste }),
      text,
      pasted.element,
    ),
    el('div', { class: 'submit-foot' }, go),
  );
  // Not the zone alone: a file that is dropped beside it would take the browser away from this page.
  acceptDrops(element, zone, (file) => onList(file, file.name));

  return {
    element,
    say({ listBytes, listRows }) {
      setText(limits, t.submit.limits(listBytes, listRows));
    },
  };
}

function acceptDrops(area, zone, take) {
  let depth = 0;
  const within = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle('dropping', depth > 0);
  };
  const isFile = (event) => event.dataTransfer?.types.includes('Files');
  area.addEventListener('dragenter', (event) => isFile(event) && within(1));
  area.addEventListener('dragleave', (event) => isFile(event) && within(-1));
  area.addEventListener('dragover', (event) => isFile(event) && event.preventDefault());
  area.addEventListener('drop', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    within(-depth);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}
