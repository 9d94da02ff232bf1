/** The head of a file's page: its id, its status and its actions. */
import { call, filePath } from '../api.js';
import { copyText } from '../copy.js';
import { openDialog, toast } from '../dialog.js';
import { el, icon, setData, setText } from '../dom.js';
import { plain, raw } from '../text.js';
import { explain, t, word } from '../texts.js';
import { stateOf, stateWord } from './state.js';

export function fileHead(fileId) {
  const status = el('span', { class: 'pill', 'data-status': 'pending', text: word('pending') });
  const remove = el(
    'button',
    { class: 'button quiet-danger', type: 'button', onclick: () => void ask() },
    icon('trash'),
    t.file.remove,
  );
  const copy = el(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-label': t.file.copyName,
      title: t.file.copyName,
      onclick: () => void copyId(),
    },
    icon('copy'),
  );
  let addresses = 0;

  async function copyId() {
    await copyText(fileId);
    toast(t.file.nameCopied);
  }

  async function ask() {
    const sure = await openDialog({
      title: t.file.removeTitle,
      body: [
        el('p', { class: 'dialog-id' }, raw(fileId, 120)),
        el('p', {
          class: 'muted',
          text: t.file.removeText(addresses),
        }),
      ],
      confirm: t.file.removeConfirm,
      danger: true,
    });
    if (sure) await erase();
  }

  async function erase() {
    remove.disabled = true;
    try {
      await call(filePath(fileId), { method: 'DELETE' });
    } catch (error) {
      toast(t.file.notRemoved(explain(error)));
      remove.disabled = false;
    }
  }

  const actions = el('div', { class: 'file-actions' }, remove);
  return {
    actions,
    element: el(
      'div',
      { class: 'page-head file-head' },
      el('a', { class: 'crumb', href: '#/' }, icon('back'), t.common.allLists),
      el(
        'div',
        { class: 'file-title' },
        el('h1', { tabindex: '-1', 'aria-label': plain(fileId, 200) }, raw(fileId, 200)),
        copy,
        status,
      ),
      actions,
    ),
    /** With a list that is gone, nothing can be done. */
    leave() {
      status.hidden = true;
      actions.hidden = true;
    },
    update(stats) {
      addresses = stats.progress.processed;
      setText(status, stateWord(stats));
      setData(status, 'status', stateOf(stats));
      remove.hidden = stats.createdAt === null;
    },
  };
}
