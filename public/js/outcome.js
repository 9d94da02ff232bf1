/** What came out, in one sentence. */
import { el, setData, setText } from './dom.js';
import { percent } from './format.js';
import { t } from './texts.js';

/**
 * Estimates, not measurements: how many of the addresses bounce when a mail is sent to all but those to remove. Said to
 * the user as they are.
 */
const BOUNCES = { deliverable: 1 / 200, risky: 1 / 5, unknown: 1 / 5 };

/** With room for as many as there can be, so that the others do not move while the numbers grow. */
function setPart(part, say, count, most) {
  setText(part, say(count));
  setData(part, 'widest', say(most));
}

/** Null: nothing is left to send to. */
export function expectedBounce(stats) {
  const kept = Object.keys(BOUNCES).reduce((sum, name) => sum + stats[name].count, 0);
  const bounces = Object.entries(BOUNCES).reduce((sum, [name, rate]) => sum + stats[name].count * rate, 0);
  return kept === 0 ? null : percent(bounces, kept);
}

export function outcomeSentence() {
  const part = (kind) => el('span', { class: `outcome-part ${kind}` });
  const safe = part('deliverable');
  const risky = part('risky');
  const remove = part('undeliverable');
  const unknown = part('unknown');
  const bounce = el('summary');
  const how = el(
    'details',
    { class: 'bounce' },
    bounce,
    el('p', { class: 'bounce-how', text: t.outcome.how }),
  );
  bounce.title = t.outcome.how;
  const element = el('div', { class: 'outcome' }, safe, risky, remove, unknown, how);
  return {
    element,
    update({ stats, progress, completedAt }) {
      element.hidden = progress.processed === 0;
      const room = (count) => (completedAt === null ? Math.max(count, progress.total) : count);
      const { deliverable, undeliverable } = stats;
      setPart(safe, t.outcome.safe, deliverable.count, room(deliverable.count));
      setPart(risky, t.outcome.risky, stats.risky.count, room(stats.risky.count));
      setPart(remove, t.outcome.remove, undeliverable.count, room(undeliverable.count));
      setPart(unknown, t.outcome.unknown, stats.unknown.count, room(stats.unknown.count));
      const share = expectedBounce(stats);
      how.hidden = share === null;
      setText(bounce, t.outcome.bounce(share ?? ''));
    },
  };
}
