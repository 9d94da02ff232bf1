import { openDialog } from './dialog.js';
import { el } from './dom.js';

/** Kept for this tab only: a token in `localStorage` would outlive its reader. */
const KEY = 'verigate-token';

export const currentToken = () => sessionStorage.getItem(KEY);

let asking = false;

/** Asks for an access token; resolves when there is a new one. For gateways that run with `AUTH=jwt`. */
export async function askForToken() {
  if (asking) return;
  asking = true;
  const input = el('textarea', {
    class: 'input mono',
    rows: '4',
    required: true,
    spellcheck: 'false',
    autocomplete: 'off',
    id: 'token',
    placeholder: 'eyJ…',
  });
  const answer = await openDialog({
    title: 'This gateway wants a token',
    body: [
      el('p', {
        text: 'Paste an access token that may read these files. It is kept until this tab is closed.',
      }),
      el('label', { class: 'label', for: 'token', text: 'Access token' }),
      input,
    ],
    confirm: 'Continue',
  });
  asking = false;
  const token = input.value.trim();
  if (!answer || token === '') return;
  sessionStorage.setItem(KEY, token);
  location.reload();
}
