/** The side column of a file's page. */
import { el, setShare, setText } from '../dom.js';
import { count, percent } from '../format.js';
import { t, word } from '../texts.js';
import { RISKS } from '../values.js';

export function riskCard() {
  const lines = RISKS.map((risk) => meter(word(risk), `risk-${risk}`));
  return {
    element: el(
      'section',
      { class: 'card side', 'aria-label': t.file.risk },
      el('h2', { class: 'card-title', text: t.file.risk }),
      el('ul', { class: 'meters' }, ...lines.map(({ element }) => element)),
    ),
    update({ risk }) {
      const whole = RISKS.reduce((sum, name) => sum + risk[name], 0);
      RISKS.forEach((name, index) => {
        lines[index].set(risk[name], whole);
      });
    },
  };
}

export function batchesCard() {
  const done = meter(t.file.completed, 'batch-completed');
  const failed = meter(t.file.failed, 'batch-failed');
  const stalled = meter(t.file.stalled, 'batch-stalled');
  const total = el('span', { class: 'muted' });
  return {
    element: el(
      'section',
      { class: 'card side', 'aria-label': t.file.batches },
      el('h2', { class: 'card-title' }, t.file.batches, total),
      el('ul', { class: 'meters' }, done.element, failed.element, stalled.element),
    ),
    update({ batches }) {
      setText(total, t.file.batchesInAll(batches.total));
      done.set(batches.completed, batches.total);
      failed.set(batches.failed, batches.total);
      stalled.set(batches.stalled, batches.total);
    },
  };
}

function meter(name, kind) {
  const number = el('span', { class: 'meter-count' });
  const share = el('span', { class: 'meter-share' });
  const fill = el('span', { class: 'meter-fill' });
  const element = el(
    'li',
    { class: `meter ${kind}` },
    el('span', { class: 'meter-name', text: name }),
    el('span', { class: 'meter-track', 'aria-hidden': 'true' }, fill),
    number,
    share,
  );
  return {
    element,
    set(n, whole) {
      setText(number, count(n));
      setText(share, percent(n, whole));
      setShare(fill, whole > 0 ? n / whole : 0);
      element.classList.toggle('zero', n === 0);
    },
  };
}
