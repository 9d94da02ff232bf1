/** What all lists add up to. Hidden until there is one. */
import { call } from '../api.js';
import { el, setText } from '../dom.js';
import { outcomeSentence } from '../outcome.js';
import { t } from '../texts.js';

export function overviewCard() {
  const title = el('h2', { class: 'card-title', text: t.list.together });
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
        t.list.lists(files.total),
        files.processing + files.pending > 0 && t.list.unfinished(files.processing + files.pending),
        files.failed > 0 && t.list.failed(files.failed),
        t.list.checked(progress.processed, progress.total),
      ];
      setText(numbers, parts.filter(Boolean).join(' · '));
      outcome.update(all);
    },
  };
}
