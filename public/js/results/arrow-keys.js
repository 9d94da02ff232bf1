/** Makes the rows of a table one stop of the Tab key; the arrow keys, Home and End lead from row to row. */
const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY };

/** `settle` is to be called after the rows have changed. */
export function arrowKeys(table, selector) {
  const stops = () => [...table.querySelectorAll(selector)];

  function settle(current = table.querySelector(`${selector}[tabindex="0"]`) ?? stops()[0]) {
    for (const stop of stops()) {
      const index = stop === current ? '0' : '-1';
      if (stop.getAttribute('tabindex') !== index) stop.setAttribute('tabindex', index);
    }
  }

  table.addEventListener('focusin', ({ target }) => {
    if (target.matches(selector)) settle(target);
  });
  table.addEventListener('keydown', (event) => {
    const step = STEPS[event.key];
    if (
      step === undefined ||
      !event.target.matches(selector) ||
      event.altKey ||
      event.ctrlKey ||
      event.metaKey
    )
      return;
    event.preventDefault();
    const all = stops();
    const next = Math.min(Math.max(all.indexOf(event.target) + step, 0), all.length - 1);
    all[next].focus();
  });
  return { settle };
}
