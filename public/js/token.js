/** The access token of this tab. */
import { openDialog } from './dialog.js';
import { el } from './dom.js';
import { t } from './texts.js';

/** Kept for this tab only: in `localStorage` a token would outlive the session. */
const KEY = 'verigate-token';

export const currentToken = () => sessionStorage.getItem(KEY);

let asking = false;

/** Asks the user for an access token, for gateways with `AUTH=jwt`. Resolves when there is a new one. */
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
    title: t.token.title,
    body: [
      el('p', { text: t.token.text }),
      el('label', { class: 'label', for: 'token', text: t.token.label }),
      input,
    ],
    confirm: t.token.confirm,
  });
  asking = false;
  const token = input.value.trim();
  if (!answer || token === '') return;
  sessionStorage.setItem(KEY, token);
  location.reload();
}
