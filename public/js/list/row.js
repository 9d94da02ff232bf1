/** A row of the list of files. */
import { listenToFile } from '../../../src/client/file-listener.js';
import { fileHref } from '../api.js';
import { progressBar } from '../bar.js';
import { report } from '../connection.js';
import { el, icon, setData, setText } from '../dom.js';
import { isStuck, missingIn, stateOf, stateWord } from '../file/state.js';
import { ago, count, duration, rate, wholePercent } from '../format.js';
import { raw } from '../text.js';
import { t } from '../texts.js';

/** It follows the file's stats as long as it is on screen. */
export function fileRow(socket, first) {
  let stats = first;
  const bar = progressBar();
  const status = el('span', { class: 'pill' });
  const share = el('span', { class: 'row-share' });
  const numbers = el('span', { class: 'row-numbers' });
  const pace = el('span', { class: 'row-pace' });
  const updated = el('span', { class: 'row-updated' });
  const element = el(
    'li',
    { class: 'file-row' },
    el(
      'a',
      { class: 'row-link', href: fileHref(first.fileId) },
      el('span', { class: 'row-head' }, el('span', { class: 'row-id' }, raw(first.fileId, 80)), status),
      el('span', { class: 'row-bar' }, bar.element, share),
      el('span', { class: 'row-foot' }, numbers, pace, updated),
      icon('chevron'),
    ),
  );

  function paint() {
    const { progress, throughput } = stats;
    setText(status, stateWord(stats));
    setData(status, 'status', stateOf(stats));
    setText(share, wholePercent(progress.percentage));
    setText(numbers, numbersOf(progress));
    const eta = throughput.etaSeconds === null ? '' : ` · ${t.list.left(duration(throughput.etaSeconds))}`;
    const running = stats.status === 'processing' && throughput.emailsPerSecond !== null;
    const stuck = t.list.noAnswer(missingIn(stats));
    setText(
      pace,
      isStuck(stats) ? stuck : running ? `${t.list.perSecond(rate(throughput.emailsPerSecond))}${eta}` : '',
    );
    pace.classList.toggle('alert', isStuck(stats));
    paintAge();
    bar.update(stats);
  }

  const paintAge = () => setText(updated, stats.lastUpdated === null ? '' : ago(stats.lastUpdated));

  function update(next) {
    // The answer to the request may be older than what the feed has sent meanwhile.
    if (next.epoch === stats.epoch && next.revision < stats.revision) return;
    stats = next;
    paint();
  }

  paint();
  const listener = listenToFile(socket, first.fileId, {
    feeds: ['stats'],
    onSnapshot: (snapshot) => update(snapshot.stats),
    onStats: update,
    onDeleted: () => element.dispatchEvent(new CustomEvent('deleted', { bubbles: true })),
    // The state of a file that the user may no longer see is not the connection's state.
    onState: (state) => report(element, state.error?.retryable === false ? null : state),
  });

  return {
    element,
    update,
    paintAge,
    close() {
      listener.close();
      report(element, null);
    },
  };
}

function numbersOf({ total, processed, skipped }) {
  const addresses = total > 0 ? t.list.of(processed, total) : count(processed);
  return skipped > 0 ? `${addresses} · ${t.list.skipped(skipped)}` : addresses;
}
