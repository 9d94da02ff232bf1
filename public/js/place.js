/** Keeps the user's place in the history: Back and a reload lead to the same scroll position, with the same rows open. */

/** A scroll that rests this long has ended. Browsers limit how often a page may write its history. */
const RESTED_MS = 150;
/** As long as a view may take to become as long as it was. */
const GROWING_MS = 4000;

let wanted = null;
let giveUp;
let rested;

// The browser's own way scrolls before the rows have come.
history.scrollRestoration = 'manual';

/** `open` holds the keys of the open rows. */
export const openRows = () => history.state?.open ?? [];
export const rememberOpen = (open) => history.replaceState({ ...history.state, open }, '');

/** To be called when another view, or another part of one, is shown. */
export function returnToPlace() {
  const top = history.state?.top ?? 0;
  window.scrollTo(0, top);
  wanted = top > 0 ? top : null;
  clearTimeout(giveUp);
  giveUp = setTimeout(leave, GROWING_MS);
}

function leave() {
  wanted = null;
}

function remember() {
  if (wanted === null) history.replaceState({ ...history.state, top: Math.round(window.scrollY) }, '');
}

// Until the user does something, the page grows under the place that is returned to.
new ResizeObserver(() => {
  if (wanted !== null) window.scrollTo(0, wanted);
}).observe(document.body);
for (const type of ['wheel', 'touchstart', 'pointerdown', 'keydown'])
  window.addEventListener(type, leave, { passive: true, capture: true });
window.addEventListener(
  'scroll',
  () => {
    clearTimeout(rested);
    rested = setTimeout(remember, RESTED_MS);
  },
  { passive: true },
);
