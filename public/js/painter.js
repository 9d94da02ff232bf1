/** Paints on an animation frame, and not more often than it has to: what changes meanwhile is painted the next time. */
export function painter(paint, everyMs) {
  let timer;
  let frame = 0;
  let painted = Number.NEGATIVE_INFINITY;
  let isDue = false;

  function onFrame(now) {
    isDue = false;
    painted = now;
    paint();
  }

  return {
    schedule() {
      if (isDue) return;
      isDue = true;
      // A frame that only waits for its time would have the browser draw sixty a second.
      const wait = painted + everyMs() - performance.now();
      timer = setTimeout(
        () => {
          frame = requestAnimationFrame(onFrame);
        },
        Math.max(0, wait),
      );
    },
    cancel() {
      isDue = false;
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    },
  };
}
