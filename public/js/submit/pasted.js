/** Keeps long pasted text beside the text box, and counts its lines: a browser takes minutes to insert 100,000 lines into one. */
import { el, icon, setText } from '../dom.js';
import { t } from '../texts.js';
import { countLines } from './count-lines.js';

/** What a browser inserts without a pause that is felt. */
const SHORT_LINES = 100;
const SHORT_LENGTH = 10_000;

/** `changed` is called when text has been kept or removed. */
export function pastedText(box, changed) {
  let kept = [];
  const said = el('p', { class: 'pasted-lines', role: 'status' });
  const remove = el('button', { class: 'button small', type: 'button', text: t.submit.removePasted });
  const element = el('div', { class: 'pasted', hidden: true }, icon('file'), said, remove);

  async function keep(text) {
    kept = [...kept, { text, counting: countLines(text) }];
    const counted = kept;
    element.hidden = false;
    changed();
    const all = await Promise.all(counted.map(({ counting }) => counting));
    const sum = (name) => all.reduce((total, counts) => total + counts[name], 0);
    if (kept === counted) setText(said, t.submit.pasted(sum('lines'), sum('withAt')));
  }

  function take(event, data) {
    const text = data?.getData('text/plain') ?? '';
    if (isShort(text)) return;
    event.preventDefault();
    void keep(text);
  }

  remove.addEventListener('click', () => {
    kept = [];
    element.hidden = true;
    setText(said, '');
    changed();
    box.focus();
  });
  box.addEventListener('paste', (event) => take(event, event.clipboardData));
  box.addEventListener('drop', (event) => take(event, event.dataTransfer));

  return {
    element,
    isEmpty: () => kept.length === 0,
    /** With what was typed into the box. */
    content: () => new Blob([box.value, ...kept.flatMap(({ text }) => ['\n', text])]),
  };
}

function isShort(text) {
  if (text.length > SHORT_LENGTH) return false;
  return text.split('\n', SHORT_LINES + 1).length <= SHORT_LINES;
}
