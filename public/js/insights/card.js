/** What is in a list: domains, providers, scores, kinds of addresses, typing errors. */
import { el, icon } from '../dom.js';
import { hasEnded } from '../file/state.js';
import { plain, raw } from '../text.js';
import { explain, t, word } from '../texts.js';
import { histogram } from './histogram.js';
import { breakdownLoader } from './loader.js';
import { ranking } from './ranking.js';
import { typosAmong } from './typos.js';

const TYPOS = 6;
/** On a phone it is folded, so that the addresses are not far away. */
const hasRoom = () => matchMedia('(min-width: 761px)').matches;

/** `search` is called with the start of an address or domain. */
export function insightsCard(fileId, search) {
  const domains = ranking(t.insights.domains, { choose: (domain) => search(`@${domain}`) });
  const charts = {
    domain: domains,
    provider: ranking(t.insights.providers),
    score: histogram(t.insights.scores),
    attribute: ranking(t.insights.attributes, { nameOf: word }),
  };
  const typos = el('div', { class: 'typos', hidden: true });
  let stats;

  const loader = breakdownLoader(fileId, {
    onAnswer(answer) {
      const chart = charts[answer.by];
      if (isDeleted(answer)) chart.say(t.insights.purged);
      else if (isCounted(answer)) chart.show(answer, stats.progress.processed);
      else chart.say(t.insights.counting);
      if (answer.by === 'domain') showTypos(answer.items);
    },
    onFailure: (by, error) => charts[by].say(`${t.insights.failed} ${explain(error)}`),
  });

  const isLate = (by) => by === 'domain' || by === 'provider';
  const isCounted = ({ by, complete }) => complete || !isLate(by);
  const isDeleted = ({ by }) => stats.status === 'purged' && isLate(by);

  function showTypos(items) {
    const found = typosAmong(items).slice(0, TYPOS);
    typos.hidden = found.length === 0;
    typos.replaceChildren(
      icon('warning'),
      el('h3', { text: t.insights.typos }),
      ...found.map(({ from, to, count }) =>
        el(
          'button',
          {
            class: 'chip',
            type: 'button',
            title: t.common.showThese,
            onclick: () => search(`@${from}`),
          },
          raw(t.insights.typo(plain(from, 60), to, count), 200),
        ),
      ),
    );
  }

  const element = el(
    'details',
    { class: 'card insights', open: hasRoom(), ontoggle: () => loader.open(element.open) },
    el('summary', { class: 'card-title' }, icon('chevron'), el('h2', { text: t.insights.title })),
    typos,
    el('div', { class: 'insight-grid' }, ...Object.values(charts).map((chart) => chart.element)),
  );
  loader.open(element.open);

  return {
    element,
    update(next) {
      const isFirst = stats === undefined;
      stats = next;
      element.hidden = next.progress.processed === 0;
      if (isFirst || !hasEnded(next))
        for (const by of ['domain', 'provider'])
          charts[by].say(hasEnded(next) ? t.insights.counting : t.insights.later);
      loader.update(next);
    },
    close: loader.close,
  };
}
