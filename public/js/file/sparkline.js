import { svg } from '../dom.js';

const POINTS = 60;
const EVERY_MS = 1000;

/** The throughput of the last minute: at most one point a second, sixty in all. */
export function sparkline() {
  const points = [];
  const path = svg('path', { class: 'spark-line' });
  const area = svg('path', { class: 'spark-area' });
  const element = svg(
    'svg',
    { class: 'spark', viewBox: '0 0 100 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    area,
    path,
  );
  let last = 0;

  function paint() {
    const top = Math.max(...points, 1);
    const step = 100 / (points.length - 1);
    const line = points
      .map((value, n) => `${(n * step).toFixed(2)},${(22 - (value / top) * 20).toFixed(2)}`)
      .join('L');
    path.setAttribute('d', `M${line}`);
    area.setAttribute('d', `M0,24L${line}L100,24Z`);
  }

  return {
    element,
    add(value) {
      element.classList.toggle('off', value === null || points.length < 3);
      if (value === null || performance.now() - last < EVERY_MS) return;
      last = performance.now();
      points.push(value);
      if (points.length > POINTS) points.shift();
      if (points.length > 1) paint();
    },
  };
}
