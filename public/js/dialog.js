/** Modal dialogs and short notices. */
import { el } from './dom.js';
import { t } from './texts.js';

/** Asks a question, or with `isNotice` says something. The browser's own `<dialog>` traps the focus, closes on Escape and restores the focus. */
export function openDialog({ title, body, confirm, danger = false, isNotice = false }) {
  return new Promise((resolve) => {
    const cancel = el('button', {
      class: 'button',
      type: 'button',
      text: t.common.cancel,
      onclick: () => dialog.close(''),
    });
    const heading = el('h2', { id: 'dialog-title', text: title });
    const accept = (event) => {
      event.preventDefault();
      dialog.close('yes');
    };
    const form = el(
      'form',
      { onsubmit: accept },
      heading,
      ...body,
      el(
        'div',
        { class: 'dialog-actions' },
        isNotice ? null : cancel,
        el('button', { class: danger ? 'button danger' : 'button primary', type: 'submit', text: confirm }),
      ),
    );
    const dialog = el('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title' }, form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
    // An action that cannot be undone is not the default.
    if (danger) cancel.focus();
  });
}

export function toast(text) {
  const note = el('div', { class: 'toast', text });
  document.getElementById('toasts').append(note);
  setTimeout(() => note.remove(), 5000);
}
