/** What all lists add up to. Hidden until there is one. */
import { call } from '../api.js';
import { el, setText } from '../dom.js';
import { count, plural } from '../format.js';
import { outcomeSentence } from '../outcome.js';

export function overviewCard() {
  const title = el('h2', { class: 'card-title', text: 'All lists together' });
  const numbers = el('p', { class: 'muted overview-numbers' });
  const outcome = outcomeSentence();
  const element = el('section', { class: 'card overview', hidden: true }, title, outcome.element, numbers);
  return {
    element,
    async load(signal) {
      let all;
      try {
        all = await call('api/stats', { signal });
      } catch {
        return; // the header says how old the page is
      }
      const { files, progress } = all;
      element.hidden = files.total === 0;
      const parts = [
        plural(files.total, 'list'),
        files.processing + files.pending > 0 && `${count(files.processing + files.pending)} not finished`,
        files.failed > 0 && `${count(files.failed)} failed`,
        `${count(progress.processed)} of ${plural(progress.total, 'address', 'addresses')} checked`,
      ];
      setText(numbers, parts.filter(Boolean).join(' · '));
      outcome.update(all);
    },
  };
}
