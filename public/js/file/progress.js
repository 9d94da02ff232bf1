/** The progress of a file. */
import { progressBar } from '../bar.js';
import { el, setText } from '../dom.js';
import { duration, moment, rate, wholePercent } from '../format.js';
import { outcomeSentence } from '../outcome.js';
import { t } from '../texts.js';
import { sparkline } from './sparkline.js';
import { hasEnded, isStuck } from './state.js';

export function progressCard() {
  const outcome = outcomeSentence();
  const bar = progressBar('large');
  const share = el('span', { class: 'hero-share' });
  const numbers = el('p', { class: 'hero-numbers' });
  const line = sparkline();
  const speed = tile(t.file.speed, line.element);
  const left = tile(t.file.timeLeft);
  const batches = tile(t.file.batches);
  const began = tile(t.file.started);

  return {
    element: el(
      'section',
      { class: 'card hero', 'aria-label': t.common.progress },
      outcome.element,
      el('div', { class: 'hero-top' }, share, numbers),
      bar.element,
      el('dl', { class: 'tiles' }, speed.element, left.element, batches.element, began.element),
    ),
    update(stats) {
      const { progress, throughput } = stats;
      setText(share, wholePercent(progress.percentage));
      setText(numbers, t.file.processed(progress.processed, progress.total, progress.skipped));
      outcome.update(stats);
      bar.update(stats);
      line.add(stats.status === 'processing' && !isStuck(stats) ? throughput.emailsPerSecond : null);
      speed.set(...speedOf(stats));
      left.set(...leftOf(stats));
      batches.set(...batchesOf(stats.batches));
      began.set(stats.createdAt === null ? '–' : moment(stats.createdAt), '');
    },
  };
}

function tile(name, extra) {
  const title = el('dt', { text: name });
  const value = el('span', { class: 'tile-value' });
  const note = el('span', { class: 'tile-note' });
  return {
    element: el('div', { class: 'tile' }, title, el('dd', {}, value, note, extra)),
    set(text, more, alert = false, otherName = name) {
      setText(title, otherName);
      setText(value, text);
      setText(note, more);
      note.classList.toggle('alert', alert);
    },
  };
}

function speedOf(stats) {
  const { status, progress, throughput, createdAt, completedAt } = stats;
  const seconds = (Date.parse(completedAt ?? '') - Date.parse(createdAt ?? '')) / 1000;
  if (isStuck(stats)) return ['–', t.file.stuckNote, true];
  if (status !== 'processing') {
    return seconds >= 1
      ? [t.file.perSecond(rate(progress.processed / seconds)), t.file.onAverage]
      : ['–', ''];
  }
  return throughput.emailsPerSecond === null
    ? ['–', t.file.measuring]
    : [t.file.perSecond(rate(throughput.emailsPerSecond)), ''];
}

function leftOf(stats) {
  const { throughput, createdAt, completedAt } = stats;
  if (hasEnded(stats)) {
    const took = completedAt && createdAt ? (Date.parse(completedAt) - Date.parse(createdAt)) / 1000 : null;
    const text = took === null ? '–' : took < 1 ? t.file.tookLittle : duration(took);
    return [text, '', false, t.file.took];
  }
  if (isStuck(stats)) return ['–', t.file.notWhileStuck];
  return throughput.etaSeconds === null ? ['–', t.file.notYet] : [duration(throughput.etaSeconds), ''];
}

/** The most urgent first: failed, then stalled. */
function batchesOf({ total, completed, failed, stalled }) {
  const notes = [failed > 0 && t.file.batchesFailed(failed), stalled > 0 && t.file.batchesStalled(stalled)];
  const value = t.file.batchesOf(completed, total);
  const told = notes.filter(Boolean).join(', ');
  return told ? [value, told, true] : [value, t.file.batchesDone];
}
