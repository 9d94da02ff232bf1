import { call, encodeId, filePath, query } from '../api.js';
import { openDialog, toast } from '../dialog.js';
import { el, reconcile, setText } from '../dom.js';
import { ago, count, plural } from '../format.js';
import { plain, raw } from '../text.js';

/** Number of batches shown at once. When one is ended, the next one appears. */
const SHOWN = 5;

/** The stalled batches, with a button to end each. Hidden if there are none. */
export function stalledCard(fileId) {
  const list = el('ul', { class: 'stalled-list' });
  const more = el('p', { class: 'muted' });
  const element = el(
    'section',
    { class: 'card side', 'aria-label': 'Stalled batches', hidden: true },
    el('h2', { class: 'card-title', text: 'Silent for too long' }),
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
      setText(more, rest > 0 ? `and ${plural(rest, 'other')}` : '');
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
      text: 'Fail…',
      'aria-label': `Fail the batch ${plain(batchId, 60)}`,
      onclick: () => void ask(batchId, end),
    });
    const size = totalEmails === null ? '' : ` of ${count(totalEmails)}`;
    return el(
      'li',
      { class: 'stalled-batch' },
      el(
        'div',
        {},
        el('p', { class: 'stalled-id' }, raw(batchId, 60)),
        el('p', { class: 'muted', text: `${count(processed)}${size}, last news ${ago(since)}` }),
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
      value: 'The validator does not answer.',
    });
    const sure = await openDialog({
      title: 'Fail this batch?',
      body: [
        el('p', { class: 'dialog-id' }, raw(batchId, 120)),
        el('p', {
          class: 'muted',
          text: 'It counts as failed; the results it has stay. Late updates are still accepted.',
        }),
        el('label', { class: 'label', for: 'fail-reason', text: 'Reason' }),
        reason,
      ],
      confirm: 'Fail the batch',
      danger: true,
    });
    if (sure) await fail(batchId, reason.value.trim() || 'not said', button);
  }

  async function fail(batchId, reason, button) {
    button.disabled = true;
    try {
      await call(`${filePath(fileId)}/batches/${encodeId(batchId)}/fail`, {
        method: 'POST',
        body: { reason },
      });
      toast('The batch counts as failed.');
    } catch (error) {
      toast(`Not failed: ${error.message}`);
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
