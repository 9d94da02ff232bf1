/** The head of a file's page: its id, its status and its actions. */
import { call, filePath } from '../api.js';
import { copyText } from '../copy.js';
import { openDialog, toast } from '../dialog.js';
import { el, icon, setData, setText } from '../dom.js';
import { plural } from '../format.js';
import { plain, raw } from '../text.js';
import { word } from '../words.js';
import { stateOf, stateWord } from './state.js';

export function fileHead(fileId) {
  const status = el('span', { class: 'pill', 'data-status': 'pending', text: word('pending') });
  const remove = el(
    'button',
    { class: 'button quiet-danger', type: 'button', onclick: () => void ask() },
    icon('trash'),
    'Delete',
  );
  const copy = el(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-label': 'Copy the name',
      title: 'Copy the name',
      onclick: () => void copyId(),
    },
    icon('copy'),
  );
  let addresses = 0;

  async function copyId() {
    await copyText(fileId);
    toast('The name is copied.');
  }

  async function ask() {
    const sure = await openDialog({
      title: 'Delete this list?',
      body: [
        el('p', { class: 'dialog-id' }, raw(fileId, 120)),
        el('p', {
          class: 'muted',
          text: `Its results${addresses > 0 ? ` (${plural(addresses, 'address', 'addresses')})` : ''} are erased for everybody, at once. This cannot be undone.`,
        }),
      ],
      confirm: 'Delete for good',
      danger: true,
    });
    if (sure) await erase();
  }

  async function erase() {
    remove.disabled = true;
    try {
      await call(filePath(fileId), { method: 'DELETE' });
    } catch (error) {
      toast(`Not deleted: ${error.message}`);
      remove.disabled = false;
    }
  }

  const actions = el('div', { class: 'file-actions' }, remove);
  return {
    actions,
    element: el(
      'div',
      { class: 'page-head file-head' },
      el('a', { class: 'crumb', href: '#/' }, icon('back'), 'All lists'),
      el(
        'div',
        { class: 'file-title' },
        el('h1', { tabindex: '-1', 'aria-label': plain(fileId, 200) }, raw(fileId, 200)),
        copy,
        status,
      ),
      actions,
    ),
    /** A list that is gone has no state, and cannot be deleted. */
    leave() {
      status.hidden = true;
      remove.hidden = true;
    },
    update(stats) {
      addresses = stats.progress.processed;
      setText(status, stateWord(stats));
      setData(status, 'status', stateOf(stats));
      remove.hidden = stats.createdAt === null;
    },
  };
}
