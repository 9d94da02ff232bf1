/** The latest addresses of a list. */
import { el, icon, setText } from '../dom.js';
import { painter } from '../painter.js';
import { raw } from '../text.js';
import { reasonOf, t, word } from '../texts.js';

const ROWS = 12;
/** Fast enough to look live, slow enough to read, and a limit to the work whatever the rate. */
const EVERY_MS = 150;
const EVERY_MS_CALM = 1500;

/**
 * The latest addresses as they arrive. Only the newest twelve are kept, and they are painted on an animation frame, so
 * a burst costs no more than a single event.
 */
export function ticker() {
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let fresh = [];
  let seen = 0;
  let paused = false;
  const painting = painter(paint, () => (calm.matches ? EVERY_MS_CALM : EVERY_MS));

  const list = el('ol', { class: 'ticker-list' });
  const total = el('span', { class: 'muted' });
  const hint = el('p', { class: 'ticker-hint muted', text: t.ticker.waiting });
  const pause = el(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-pressed': 'false',
      'aria-label': t.ticker.pause,
      title: t.ticker.pause,
      onclick: toggle,
    },
    icon('pause'),
  );
  const element = el(
    'section',
    { class: 'card ticker', 'aria-label': t.ticker.title },
    el('h2', { class: 'card-title' }, t.ticker.title, total, pause),
    list,
    hint,
  );

  function toggle() {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    pause.replaceChildren(icon(paused ? 'play' : 'pause'));
    if (!paused) painting.schedule();
  }

  function push(emails) {
    seen += emails.length;
    fresh = fresh.concat(emails.slice(-ROWS)).slice(-ROWS);
    if (!paused) painting.schedule();
  }

  function paint() {
    if (paused) return;
    const few = fresh.length <= 3;
    for (const result of fresh) list.prepend(row(result, few));
    while (list.children.length > ROWS) list.lastElementChild.remove();
    fresh = [];
    setText(total, t.ticker.seen(seen));
    hint.hidden = list.children.length > 0;
  }

  return {
    element,
    push,
    clear() {
      fresh = [];
      list.replaceChildren();
      hint.hidden = false;
    },
    close: painting.cancel,
  };
}

function row({ email, status, details }, animated) {
  return el(
    'li',
    { class: animated ? 'tick arriving' : 'tick' },
    el('span', { class: `dot ${status}` }),
    el('span', { class: 'tick-email' }, raw(email, 64)),
    el('span', {
      class: 'tick-verdict',
      text: details?.sub_status ? raw(reasonOf(details.sub_status), 30).textContent : word(status),
    }),
  );
}
