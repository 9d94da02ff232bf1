/** The silent batches of a list. */
import { call, encodeId, filePath, query } from '../api.js';
import { openDialog, toast } from '../dialog.js';
import { el, reconcile, setText } from '../dom.js';
import { ago } from '../format.js';
import { plain, raw } from '../text.js';
import { explain, t } from '../texts.js';

/** Number of batches shown at once. When one is ended, the next one appears. */
const SHOWN = 5;

/** The stalled batches, with a button to end each. Hidden if there are none. */
export function stalledCard(fileId) {
  const list = el('ul', { class: 'stalled-list' });
  const more = el('p', { class: 'muted' });
  const element = el(
    'section',
    { class: 'card side', 'aria-label': t.stalled.label, hidden: true },
    el('h2', { class: 'card-title', text: t.stalled.title }),
    list,
    more,
  );
  const stop = new AbortController();
  let stalled = 0;
  /** The state for which the list was read. It is read again when that changes. */
  let readFor = '';
  let isReading = false;

  async function read(epoch) {
    const wanted = `${epoch} ${stalled}`;
    if (isReading || wanted === readFor) return;
    isReading = true;
    try {
      const path = `${filePath(fileId)}/batches${query({ status: 'stalled', limit: SHOWN })}`;
      const { items } = await call(path, { signal: stop.signal });
      readFor = wanted;
      reconcile(list, items.map(row));
      const rest = stalled - items.length;
      more.hidden = rest <= 0;
      setText(more, rest > 0 ? t.stalled.more(rest) : '');
    } catch {
      // The next stats start another attempt.
    } finally {
      isReading = false;
    }
  }

  function row({ batchId, processed, totalEmails, since }) {
    const end = el('button', {
      class: 'button quiet-danger',
      type: 'button',
      text: t.stalled.fail,
      'aria-label': t.stalled.failThis(plain(batchId, 60)),
      onclick: () => void ask(batchId, end),
    });
    return el(
      'li',
      { class: 'stalled-batch' },
      el(
        'div',
        {},
        el('p', { class: 'stalled-id' }, raw(batchId, 60)),
        el('p', { class: 'muted', text: t.stalled.size(processed, totalEmails, ago(since)) }),
      ),
      end,
    );
  }

  async function ask(batchId, button) {
    const reason = el('input', {
      class: 'input',
      id: 'fail-reason',
      type: 'text',
      maxlength: 1000,
      value: t.stalled.usual,
    });
    const sure = await openDialog({
      title: t.stalled.question,
      body: [
        el('p', { class: 'dialog-id' }, raw(batchId, 120)),
        el('p', { class: 'muted', text: t.stalled.effect }),
        el('label', { class: 'label', for: 'fail-reason', text: t.stalled.reason }),
        reason,
      ],
      confirm: t.stalled.confirm,
      danger: true,
    });
    if (sure) await fail(batchId, reason.value.trim() || t.stalled.notSaid, button);
  }

  async function fail(batchId, reason, button) {
    button.disabled = true;
    try {
      await call(`${filePath(fileId)}/batches/${encodeId(batchId)}/fail`, {
        method: 'POST',
        body: { reason },
      });
      toast(t.stalled.done);
    } catch (error) {
      toast(t.stalled.notDone(explain(error)));
      button.disabled = false;
    }
  }

  return {
    element,
    update({ epoch, batches }) {
      stalled = batches.stalled;
      element.hidden = stalled === 0;
      if (stalled > 0) void read(epoch);
    },
    close: () => stop.abort(),
  };
}
