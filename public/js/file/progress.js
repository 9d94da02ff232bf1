/** The progress of a file. */
import { progressBar } from '../bar.js';
import { el, setText } from '../dom.js';
import { count, duration, moment, rate } from '../format.js';
import { outcomeSentence } from '../outcome.js';
import { sparkline } from './sparkline.js';
import { hasEnded, isStuck } from './state.js';

export function progressCard() {
  const outcome = outcomeSentence();
  const bar = progressBar('large');
  const share = el('span', { class: 'hero-share' });
  const numbers = el('p', { class: 'hero-numbers' });
  const line = sparkline();
  const speed = tile('Speed', line.element);
  const left = tile('Time left');
  const batches = tile('Batches');
  const began = tile('Started');

  return {
    element: el(
      'section',
      { class: 'card hero', 'aria-label': 'Progress' },
      outcome.element,
      el('div', { class: 'hero-top' }, share, numbers),
      bar.element,
      el('dl', { class: 'tiles' }, speed.element, left.element, batches.element, began.element),
    ),
    update(stats) {
      const { progress, throughput } = stats;
      setText(share, `${progress.percentage}%`);
      setText(numbers, numbersOf(progress));
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
  const value = el('span', { class: 'tile-value' });
  const note = el('span', { class: 'tile-note' });
  return {
    element: el('div', { class: 'tile' }, el('dt', { text: name }), el('dd', {}, value, note, extra)),
    set(text, more, alert = false) {
      setText(value, text);
      setText(note, more);
      note.classList.toggle('alert', alert);
    },
  };
}

function numbersOf({ total, processed, skipped }) {
  const of = total > 0 ? ` of ${count(total)} addresses` : ' addresses';
  return `${count(processed)}${of} processed${skipped > 0 ? `, ${count(skipped)} skipped` : ''}`;
}

function speedOf(stats) {
  const { status, progress, throughput, createdAt, completedAt } = stats;
  const seconds = (Date.parse(completedAt ?? '') - Date.parse(createdAt ?? '')) / 1000;
  if (isStuck(stats)) return ['–', 'stuck', true];
  if (status !== 'processing') {
    return seconds >= 1 ? [`${rate(progress.processed / seconds)}/s`, 'on average'] : ['–', ''];
  }
  return throughput.emailsPerSecond === null
    ? ['–', 'measuring']
    : [`${rate(throughput.emailsPerSecond)}/s`, ''];
}

function leftOf(stats) {
  const { status, throughput, createdAt, completedAt } = stats;
  if (hasEnded(stats)) {
    const took = completedAt && createdAt ? (Date.parse(completedAt) - Date.parse(createdAt)) / 1000 : null;
    return [
      status === 'failed' ? 'Failed' : 'Done',
      took === null ? '' : took < 1 ? 'in less than a second' : `in ${duration(took)}`,
    ];
  }
  if (isStuck(stats)) return ['–', 'not known while it is stuck'];
  return throughput.etaSeconds === null ? ['–', 'not known yet'] : [duration(throughput.etaSeconds), ''];
}

/** The most urgent first: failed, then stalled. */
function batchesOf({ total, completed, failed, stalled }) {
  const notes = [failed > 0 && `${count(failed)} failed`, stalled > 0 && `${count(stalled)} stalled`].filter(
    Boolean,
  );
  const value = `${count(completed)} / ${count(total)}`;
  return notes.length > 0 ? [value, notes.join(', '), true] : [value, 'completed'];
}
