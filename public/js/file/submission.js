/** How far the submission of a list is, and what has to be decided. Hidden once all of it is with the validator. */
import { call, filePath } from '../api.js';
import { toast } from '../dialog.js';
import { el, icon, setData, setText } from '../dom.js';
import { count, plural } from '../format.js';

const ERRORS = {
  validator_unavailable: 'The validator cannot be reached. The rest is sent as soon as it is back.',
  rate_limited: 'The validator asks for a pause. The rest is sent after it.',
  validator_refused:
    'The validator refuses lists from here. The operator has to look at its address and key.',
  payload_too_large: 'The validator finds the list too large.',
  disk_full: 'The disk is full. The rest is sent as soon as there is room.',
};
/** The gateway sends nothing more after these until it is asked to. */
const STOPPED = new Set(['validator_refused', 'payload_too_large']);

export function submissionNote(fileId) {
  const far = el('p');
  const trouble = el('p', { class: 'submission-trouble' });
  const again = el('button', { class: 'button small', type: 'button', onclick: () => void retry() });
  const element = el(
    'div',
    { class: 'submission', hidden: true },
    icon('upload'),
    el('div', { role: 'status' }, far, trouble),
    again,
  );

  async function retry() {
    again.disabled = true;
    try {
      await call(`${filePath(fileId)}/validations/retry`, { method: 'POST' });
      toast('They are being sent again.');
    } catch (error) {
      toast(error.code === 'nothing_to_retry' ? 'Nothing is left to send.' : `Not sent: ${error.message}`);
    } finally {
      again.disabled = false;
    }
  }

  return {
    element,
    update({ submission, status }) {
      const isOpen = submission !== null && status !== 'purged' && restOf(submission) > 0;
      element.hidden = !isOpen;
      if (!isOpen) return;
      const { total, submitted, uncertain, error } = submission;
      const isStopped = STOPPED.has(error);
      setData(element, 'state', uncertain > 0 || isStopped ? 'stopped' : error ? 'waiting' : 'going');
      setText(far, `${count(submitted)} of ${plural(total, 'address', 'addresses')} sent to the validator`);
      setText(
        trouble,
        [uncertainText(uncertain), error && (ERRORS[error] ?? error)].filter(Boolean).join(' '),
      );
      again.hidden = uncertain === 0 && !isStopped;
      setText(again, uncertain > 0 ? 'Send these again' : 'Go on');
    },
  };
}

const restOf = ({ total, submitted, uncertain, error }) =>
  total - submitted + uncertain + (error === null ? 0 : 1);

function uncertainText(uncertain) {
  if (uncertain === 0) return '';
  return `The validator’s answer about ${plural(uncertain, 'address', 'addresses')} was lost. Sent again, they may be checked, and paid for, twice.`;
}
