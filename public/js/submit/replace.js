/** Asks before a list's results are replaced. */
import { call, filePath } from '../api.js';
import { openDialog } from '../dialog.js';
import { el } from '../dom.js';
import { plural } from '../format.js';
import { raw } from '../text.js';

export async function confirmReplacement(name, signal) {
  const stats = await call(`${filePath(name)}/stats`, { signal });
  const results = plural(stats.progress.processed, 'result');
  return openDialog({
    title: 'There is a list of this name',
    body: [
      el('p', { class: 'dialog-id' }, raw(name, 120)),
      el('p', {
        class: 'muted',
        text: `This replaces its ${results}, for everybody. They cannot be brought back. Cancel to choose another name.`,
      }),
    ],
    confirm: `Replace ${results}`,
    danger: true,
  });
}
