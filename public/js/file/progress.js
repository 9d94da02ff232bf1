/** The progress of a file. */
import { progressBar } from '../bar.js';
import { el, setText } from '../dom.js';
import { count, duration, moment, rate, shortCount } from '../format.js';
import { sparkline } from './sparkline.js';

export function progressCard() {
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
      el('div', { class: 'hero-top' }, share, numbers),
      bar.element,
      el('dl', { class: 'tiles' }, speed.element, left.element, batches.element, began.element),
    ),
    update(stats) {
      const { progress, throughput } = stats;
      setText(share, `${progress.percentage}%`);
      setText(numbers, numbersOf(progress));
      bar.update(stats);
      line.add(stats.status === 'processing' ? throughput.emailsPerSecond : null);
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

function speedOf({ status, progress, throughput, createdAt, completedAt }) {
  const seconds = (Date.parse(completedAt ?? '') - Date.parse(createdAt ?? '')) / 1000;
  if (status !== 'processing') {
    return seconds >= 1 ? [`${rate(progress.processed / seconds)}/s`, 'on average'] : ['–', ''];
  }
  return throughput.emailsPerSecond === null
    ? ['–', 'measuring']
    : [`${rate(throughput.emailsPerSecond)}/s`, ''];
}

function leftOf({ status, throughput, createdAt, completedAt }) {
  if (status === 'completed' || status === 'failed' || status === 'purged') {
    const took = completedAt && createdAt ? (Date.parse(completedAt) - Date.parse(createdAt)) / 1000 : null;
    return ['Done', took === null ? '' : took < 1 ? 'in less than a second' : `in ${duration(took)}`];
  }
  return throughput.etaSeconds === null ? ['–', 'not known yet'] : [duration(throughput.etaSeconds), ''];
}

/** The most urgent first: failed, then stalled. */
function batchesOf({ total, completed, failed, stalled }) {
  const notes = [failed > 0 && `${count(failed)} failed`, stalled > 0 && `${count(stalled)} stalled`].filter(
    Boolean,
  );
  const value = `${shortCount(completed)} / ${shortCount(total)}`;
  return notes.length > 0 ? [value, notes.join(', '), true] : [value, 'completed'];
}
