/** The page of one file. */
import { listenToFile } from '../../../src/client/file-listener.js';
import { report } from '../connection.js';
import { el, icon, setText } from '../dom.js';
import { clock, wholePercent } from '../format.js';
import { insightsCard } from '../insights/card.js';
import { painter } from '../painter.js';
import { resultsCard } from '../results/card.js';
import { safeDownload } from '../results/safe.js';
import { setIcon } from '../tab.js';
import { raw } from '../text.js';
import { explain, t } from '../texts.js';
import { fileHead } from './head.js';
import { progressCard } from './progress.js';
import { batchesCard, riskCard } from './side.js';
import { stalledCard } from './stalled.js';
import { hasEnded, isStuck } from './state.js';
import { stuckNote } from './stuck.js';
import { submissionNote } from './submission.js';
import { teller } from './tell.js';
import { ticker } from './ticker.js';
import { verdictsCard } from './verdicts.js';
import { webhookButton } from './webhook.js';

/** Four times a second looks live: the stats of a list change up to ten times. */
const PAINT_EVERY_MS = 250;

export function fileView({ route, socket, setTitle }) {
  const { fileId } = route;
  const head = fileHead(fileId);
  const results = resultsCard(fileId, route.parameters);
  const latest = ticker();
  const stalled = stalledCard(fileId);
  const submission = submissionNote(fileId);
  const stuck = stuckNote(fileId);
  const insights = insightsCard(fileId, results.search);
  const tell = teller(fileId);
  const safe = safeDownload(fileId);
  head.actions.prepend(safe.element, tell.button, webhookButton(fileId));
  const progress = progressCard();
  const verdicts = verdictsCard(fileId, results.choose);
  const risk = riskCard();
  const batches = batchesCard();
  const outcome = [progress, verdicts, risk, batches];
  const parts = [head, safe, ...outcome, stalled, submission, stuck, insights, results];
  const banner = el('p', { class: 'banner', role: 'status', hidden: true });
  const content = el(
    'div',
    { class: 'file-grid loading' },
    progress.element,
    verdicts.element,
    el('div', { class: 'side-column' }, risk.element, batches.element, stalled.element),
    insights.element,
    results.element,
    latest.element,
  );
  const element = el(
    'section',
    { class: 'page' },
    head.element,
    banner,
    submission.element,
    stuck.element,
    tell.element,
    content,
  );
  let stats;
  let isGone = false;
  const painting = painter(paint, () => PAINT_EVERY_MS);
  setTitle(fileId);

  function update(next) {
    stats = next;
    // The title is visible while the page is hidden, when there are no animation frames.
    setTitle(markOf(stats), fileId);
    setIcon(iconOf(stats));
    tell.update(stats);
    painting.schedule();
  }

  function paint() {
    if (stats === undefined) return;
    for (const part of parts) part.update(stats);
    content.classList.remove('loading');
    // A finished file sends nothing more, so an empty ticker would stay empty.
    const over = stats.status !== 'processing' && stats.status !== 'pending';
    content.classList.toggle('over', over && latest.element.querySelector('li') === null);
  }

  function leave(title, text) {
    isGone = true;
    stats = undefined;
    results.close();
    report(element, null);
    banner.hidden = true;
    setIcon(null);
    content.replaceChildren(farewell(fileId, title, text));
    content.className = '';
    submission.element.hidden = true;
    stuck.element.hidden = true;
    head.leave();
    setTitle(fileId);
  }

  /** Deleted and sent again under the same name, or heard of for the first time: the view starts over. */
  function comeBack({ createdAt }) {
    if (createdAt !== null) window.dispatchEvent(new Event('verigate:start-over'));
  }

  const listener = listenToFile(socket, fileId, {
    onSnapshot(snapshot) {
      if (isGone) return comeBack(snapshot.stats);
      if (snapshot.stats.createdAt === null) return leave(t.file.noSuch, t.file.noSuchText);
      latest.clear();
      update(snapshot.stats);
      results.startOver(snapshot);
    },
    onStats: (next) => (isGone ? comeBack(next) : update(next)),
    onEmails(event) {
      if (isGone) return;
      latest.push(event.emails);
      results.changed();
    },
    onDeleted: () => leave(t.file.gone, t.file.goneText),
    onUnsubscribed: (code) => {
      if (code === 'forbidden') leave(t.file.outOfReach, t.file.outOfReachText);
    },
    onState(state) {
      if (isGone) return;
      report(element, state);
      if (state.state === 'live') results.retry();
      banner.hidden = state.state !== 'stale';
      setText(banner, banner.hidden ? '' : bannerText(state));
      if (state.error?.code === 'forbidden') leave(t.file.noSuch, t.file.noSuchOrForbidden);
    },
  });

  return {
    element,
    follow({ name, fileId: other, parameters }) {
      if (name !== 'file' || other !== fileId || isGone) return false;
      results.follow(parameters);
      return true;
    },
    close() {
      listener.close();
      report(element, null);
      results.close();
      stalled.close();
      stuck.close();
      insights.close();
      latest.close();
      painting.cancel();
    },
  };
}

/** The list's state in the title: `✓`, `!`, or how far it is. */
function markOf(stats) {
  if (stats.status === 'failed' || isStuck(stats)) return `! ${wholePercent(stats.progress.percentage)}`;
  return hasEnded(stats) ? '✓' : wholePercent(stats.progress.percentage);
}

function iconOf(stats) {
  if (stats.status === 'failed') return 'failed';
  if (isStuck(stats)) return 'stuck';
  return hasEnded(stats) ? 'done' : `running-${Math.floor(stats.progress.percentage / 25) * 25}`;
}

function bannerText({ since, reason, error }) {
  const time = t.file.asOf(clock(since));
  if (reason === 'draining') return `${t.file.restarting} ${time}`;
  if (reason === 'unsubscribed') return `${t.file.accessOver} ${time}`;
  return error ? `${explain(error)} ${time}` : `${t.file.unreachable} ${time}`;
}

function farewell(fileId, title, text) {
  return el(
    'div',
    { class: 'card empty' },
    icon('file'),
    el('h2', { text: title }),
    el('p', { class: 'muted' }, raw(fileId, 80)),
    el('p', { class: 'muted', text }),
    el('a', { class: 'button', href: '#/' }, icon('back'), t.common.allLists),
  );
}
