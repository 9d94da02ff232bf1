/** The bar of a list's verdicts. */
import { el, setShare } from './dom.js';
import { t } from './texts.js';
import { STATUSES } from './values.js';

const SEGMENTS = [...STATUSES, 'skipped'];

/** A file's progress as a bar of its verdicts. The empty part is not processed yet. */
export function progressBar(size = '') {
  const segments = SEGMENTS.map((name) => el('span', { class: `segment ${name}` }));
  const element = el(
    'div',
    {
      class: `bar ${size}`,
      role: 'progressbar',
      'aria-valuemin': '0',
      'aria-valuemax': '100',
      'aria-label': t.common.progress,
    },
    ...segments,
  );
  return {
    element,
    update({ progress, stats, status }) {
      const whole = Math.max(progress.total, progress.processed + progress.skipped, 1);
      let from = 0;
      SEGMENTS.forEach((name, index) => {
        const share = (name === 'skipped' ? progress.skipped : stats[name].count) / whole;
        setShare(segments[index], from, '--from');
        setShare(segments[index], share);
        from += share;
      });
      element.dataset.status = status;
      element.setAttribute('aria-valuenow', String(progress.percentage));
    },
  };
}
