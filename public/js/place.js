/** Keeps the user's place in the history: Back and a reload lead to the same scroll position, with the same rows open. */

/** A scroll that rests this long has ended. Browsers limit how often a page may write its history. */
const RESTED_MS = 150;
/** As long as the rows may take to come, on a slow line too. */
const COMING_MS = 30_000;
/** Once the place is reached, what is above it may still grow for this long. */
const GROWING_MS = 4000;

let targetTop = null;
let isReached = false;
let stopTimer;
let restTimer;

// The browser's own way scrolls before the rows have come.
history.scrollRestoration = 'manual';

/** `open` holds the keys of the open rows. */
export const openRows = () => history.state?.open ?? [];
export const rememberOpen = (open) => history.replaceState({ ...history.state, open }, '');

/** To be called when another view, or another part of one, is shown. */
export function returnToPlace() {
  const top = history.state?.top ?? 0;
  window.scrollTo(0, top);
  targetTop = top > 0 ? top : null;
  isReached = false;
  stopIn(COMING_MS);
}

function stopIn(milliseconds) {
  clearTimeout(stopTimer);
  stopTimer = setTimeout(stopReturning, milliseconds);
}

function stopReturning() {
  targetTop = null;
}

function remember() {
  if (targetTop === null) history.replaceState({ ...history.state, top: Math.round(window.scrollY) }, '');
}

// While the page grows, it is scrolled to its target again and again, until the user does something.
new ResizeObserver(() => {
  if (targetTop === null) return;
  window.scrollTo(0, targetTop);
  const reaches = window.scrollY >= targetTop - 1;
  if (reaches === isReached) return;
  isReached = reaches;
  stopIn(isReached ? GROWING_MS : COMING_MS);
}).observe(document.body);
for (const type of ['wheel', 'touchstart', 'pointerdown', 'keydown'])
  window.addEventListener(type, stopReturning, { passive: true, capture: true });
window.addEventListener(
  'scroll',
  () => {
    clearTimeout(restTimer);
    restTimer = setTimeout(remember, RESTED_MS);
  },
  { passive: true },
);
