/** The input of a list: typed, pasted, chosen or dropped. */
import { el, icon, setText } from '../dom.js';
import { bytes, plural } from '../format.js';
import { raw } from '../text.js';
import { readAddresses } from './address-list.js';

/** A longer text would make typing slow, so it is kept outside the text box. */
const EDITABLE = 200_000;
const TOO_LARGE = 64 * 1024 * 1024;
const COUNT_MS = 150;

/** `onList` is called with each new list. */
export function addressSource({ onList, onFile, onTrouble }) {
  let attached = null;
  let timer;
  const text = el('textarea', {
    class: 'input mono',
    id: 'addresses',
    rows: '12',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    placeholder: 'jane@example.com\njohn@example.org',
    'aria-describedby': 'address-count',
  });
  const input = el('input', {
    class: 'unseen-text',
    type: 'file',
    id: 'upload',
    accept: '.txt,.csv,.lst,.list,text/plain,text/csv',
    tabindex: '-1',
    'aria-hidden': 'true',
  });
  const choose = el(
    'button',
    { class: 'button small', type: 'button', onclick: () => input.click() },
    icon('upload'),
    'Choose a file',
  );
  const chip = el('div', { class: 'attached', hidden: true });
  const counter = el('span', {
    id: 'address-count',
    class: 'address-count muted',
    'aria-live': 'polite',
    text: 'One address a line',
  });
  const zone = el(
    'div',
    { class: 'drop-zone' },
    text,
    chip,
    el('div', { class: 'drop-hint', 'aria-hidden': 'true' }, icon('upload'), 'Drop the list here'),
  );
  const element = el(
    'div',
    { class: 'source' },
    zone,
    el('div', { class: 'source-foot' }, counter, choose, input),
  );

  function notify() {
    const { emails, repeats } = readAddresses(attached ?? text.value);
    const more = repeats > 0 ? ` · ${plural(repeats, 'repeat')}, kept` : '';
    setText(
      counter,
      emails.length === 0 ? 'One address a line' : plural(emails.length, 'address', 'addresses') + more,
    );
    onList(emails);
  }

  async function take(file) {
    if (file.size > TOO_LARGE)
      return onTrouble(`This file is ${bytes(file.size)}; ${bytes(TOO_LARGE)} is the most this page reads.`);
    const content = await file.text();
    if (content.length <= EDITABLE) {
      detach();
      text.value = content;
    } else {
      attach(file, content);
    }
    notify();
    onFile(file.name);
  }

  function attach(file, content) {
    attached = content;
    text.hidden = true;
    chip.hidden = false;
    const remove = el('button', {
      class: 'button small',
      type: 'button',
      text: 'Remove',
      onclick: () => {
        detach();
        notify();
      },
    });
    chip.replaceChildren(
      icon('file'),
      el(
        'div',
        { class: 'attached-name' },
        raw(file.name, 60),
        el('span', { class: 'muted', text: bytes(file.size) }),
      ),
      remove,
    );
  }

  function detach() {
    attached = null;
    text.hidden = false;
    chip.hidden = true;
  }

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(notify, COUNT_MS);
  };
  text.addEventListener('input', soon);
  input.addEventListener('change', () => {
    const [file] = input.files;
    input.value = '';
    if (file) void take(file);
  });
  acceptDrops(zone, take);

  return {
    element,
    field: text,
    /** The list as it is now, even directly after a keystroke. */
    read: () => readAddresses(attached ?? text.value).emails,
    close: () => clearTimeout(timer),
  };
}

function acceptDrops(zone, take) {
  let depth = 0;
  const within = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle('dropping', depth > 0);
  };
  const isFile = (event) => event.dataTransfer?.types.includes('Files');
  zone.addEventListener('dragenter', (event) => isFile(event) && within(1));
  zone.addEventListener('dragleave', (event) => isFile(event) && within(-1));
  zone.addEventListener('dragover', (event) => isFile(event) && event.preventDefault());
  zone.addEventListener('drop', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    within(-depth);
    const [file] = event.dataTransfer.files;
    if (file) void take(file);
  });
}
