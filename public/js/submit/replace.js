/** Asks before a list's results are replaced. */
import { call, filePath } from '../api.js';
import { openDialog } from '../dialog.js';
import { el } from '../dom.js';
import { raw } from '../text.js';
import { t } from '../texts.js';

export async function confirmReplacement(name, signal) {
  const stats = await call(`${filePath(name)}/stats`, { signal });
  const results = stats.progress.processed;
  return openDialog({
    title: t.submit.taken,
    body: [
      el('p', { class: 'dialog-id' }, raw(name, 120)),
      el('p', {
        class: 'muted',
        text: t.submit.replaceText(results),
      }),
    ],
    confirm: t.submit.replace(results),
    danger: true,
  });
}
