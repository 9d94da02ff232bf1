/** Tells of a list's start, half, standstill and end: to screen readers, in the tab, and by a notification that is asked for. */
import { el, icon, setText } from '../dom.js';
import { plain } from '../text.js';
import { t } from '../texts.js';
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
    t.tell.wish,
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
  const sofar = t.tell.sofar(deliverable.count, undeliverable.count);
  switch (stage) {
    case 'ended':
      return stats.status === 'failed' ? t.tell.failed(sofar) : t.tell.done(sofar);
    case 'stuck':
      return t.tell.stuck(missingIn(stats));
    case 'half':
      return t.tell.half(sofar);
    default:
      return t.tell.begun(stats.progress.total);
  }
}
