/** What came out, in one sentence. */
import { el, setText } from './dom.js';
import { count, percent } from './format.js';

/**
 * Estimates, not measurements: how many of the addresses bounce when a mail is sent to all but those to remove. Said to
 * the user as they are.
 */
const BOUNCES = { deliverable: 1 / 200, risky: 1 / 5, unknown: 1 / 5 };
const HOW =
  'If you send to all but the addresses to remove. Estimated: 1 in 200 of the safe ones bounces, and 1 in 5 of the risky and unknown ones.';

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
  const how = el('details', { class: 'bounce' }, bounce, el('p', { class: 'bounce-how', text: HOW }));
  bounce.title = HOW;
  const element = el('div', { class: 'outcome' }, safe, risky, remove, unknown, how);
  return {
    element,
    update({ stats, progress }) {
      element.hidden = progress.processed === 0;
      setText(safe, `${count(stats.deliverable.count)} safe to send`);
      setText(risky, `${count(stats.risky.count)} risky`);
      setText(remove, `${count(stats.undeliverable.count)} to remove`);
      setText(unknown, `${count(stats.unknown.count)} unknown`);
      const share = expectedBounce(stats);
      how.hidden = share === null;
      setText(bounce, `expected bounce ${share ?? ''}`);
    },
  };
}
