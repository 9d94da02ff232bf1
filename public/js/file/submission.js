/** How far the submission of a list is, and what has to be decided. Hidden once all of it is with the validator. */
import { call, filePath } from '../api.js';
import { toast } from '../dialog.js';
import { el, icon, setData, setText } from '../dom.js';
import { explain, own, t } from '../texts.js';

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
      toast(t.submission.beingSent);
    } catch (error) {
      toast(t.submission.notSent(explain(error)));
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
      setText(far, t.submission.far(submitted, total));
      setText(
        trouble,
        [
          uncertain > 0 && t.submission.uncertain(uncertain),
          error && (own(t.submission.errors, error) ?? error),
        ]
          .filter(Boolean)
          .join(' '),
      );
      again.hidden = uncertain === 0 && !isStopped;
      setText(again, uncertain > 0 ? t.submission.sendAgain : t.submission.goOn);
    },
  };
}

const restOf = ({ total, submitted, uncertain, error }) =>
  total - submitted + uncertain + (error === null ? 0 : 1);
