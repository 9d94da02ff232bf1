/** Tells of a list's start, half, standstill and end: to screen readers, in the tab, and by a notification that is asked for. */
import { el, icon, setText } from '../dom.js';
import { count } from '../format.js';
import { plain } from '../text.js';
import { hasEnded, isStuck, missingIn } from './state.js';

/** Kept for this browser: who wants to be told of one list wants it of the next. */
const KEY = 'verigate-notify';

/** Notifications exist only on pages loaded over TLS or from loopback. */
const canNotify = () => 'Notification' in window && isSecureContext;

export function teller(fileId) {
  const said = el('p', { class: 'unseen-text', role: 'status' });
  const wish = el(
    'button',
    { class: 'button', type: 'button', 'aria-pressed': 'false', hidden: true, onclick: () => void toggle() },
    icon('bell'),
    'Tell me when it is done',
  );
  let stage = null;

  const isWanted = () =>
    canNotify() && Notification.permission === 'granted' && localStorage.getItem(KEY) === 'on';

  async function toggle() {
    const on = !isWanted() && (await Notification.requestPermission()) === 'granted';
    localStorage.setItem(KEY, on ? 'on' : 'off');
    paint();
  }

  const paint = () => wish.setAttribute('aria-pressed', String(isWanted()));

  function update(stats) {
    wish.hidden = hasEnded(stats) || !canNotify() || Notification.permission === 'denied';
    paint();
    const next = stageOf(stats);
    if (next === stage) return;
    const isNews = stage !== null;
    stage = next;
    // What was so when the page was opened is read from the page itself.
    if (!isNews) return;
    const text = sentence(stats, next);
    setText(said, text);
    const isOver = next === 'ended' || next === 'stuck';
    if (isOver && isWanted() && document.visibilityState === 'hidden')
      new Notification(plain(fileId, 60), { body: text, tag: `verigate ${fileId}` });
  }

  return { element: said, button: wish, update };
}

function stageOf(stats) {
  if (hasEnded(stats)) return 'ended';
  if (isStuck(stats)) return 'stuck';
  if (stats.status === 'pending') return 'waiting';
  return stats.progress.percentage >= 50 ? 'half' : 'begun';
}

function sentence(stats, stage) {
  const { deliverable, undeliverable } = stats.stats;
  const sofar = `${count(deliverable.count)} safe to send, ${count(undeliverable.count)} to remove`;
  switch (stage) {
    case 'ended':
      return stats.status === 'failed' ? `Failed: ${sofar}, the rest got no answer.` : `Done: ${sofar}.`;
    case 'stuck':
      return `Stuck: ${count(missingIn(stats))} addresses got no answer.`;
    case 'half':
      return `Half done: ${sofar}.`;
    default:
      return `Started: ${count(stats.progress.total)} addresses.`;
  }
}
