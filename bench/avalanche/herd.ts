import { Follower } from './follower.js';

/** A process of its own for the listeners: started with the address, the file and their number. */
const [url = '', fileId = '', count = '0'] = process.argv.slice(2);

/** Handshakes begun at the same time when the herd gathers. */
const AT_ONCE = 100;
const TICK_MS = 10;

export type Command =
  | { readonly kind: 'report' }
  | { readonly kind: 'move'; readonly url: string }
  | { readonly kind: 'drop'; readonly forMs: number; readonly withinMs: number }
  | { readonly kind: 'stop' };

/** What it answers to `report`, and to no other command. */
export interface HerdReport {
  /** How many listen now. */
  readonly listening: number;
  readonly gaps: number;
  /** How many listeners are at each place, `epoch/revision/results`. */
  readonly places: Record<string, number>;
  /** Since the last report: when answers came, and how long after the attempt. */
  readonly answeredAt: number[];
  readonly catchUps: number[];
  readonly recovered: number;
}

const followers = Array.from({ length: Number(count) }, () => new Follower(url, fileId));
for (let first = 0; first < followers.length; first += AT_ONCE) {
  const some = followers.slice(first, first + AT_ONCE);
  for (const follower of some) follower.connect();
  while (!some.every(({ isListening }) => isListening))
    await new Promise((then) => setTimeout(then, TICK_MS));
}

process.on('message', (command: Command) => {
  if (command.kind === 'report') process.send?.(report());
  if (command.kind === 'move') for (const follower of followers) follower.url = command.url;
  if (command.kind === 'drop') {
    for (const follower of followers) {
      setTimeout(
        () => follower.drop(command.forMs * (0.5 + Math.random())),
        Math.random() * command.withinMs,
      );
    }
  }
  if (command.kind === 'stop') process.exit();
});
process.send?.('ready');

function report(): HerdReport {
  const places: Record<string, number> = {};
  for (const { position, processed } of followers) {
    const place = `${position?.epoch}/${position?.revision}/${processed}`;
    places[place] = (places[place] ?? 0) + 1;
  }
  return {
    listening: followers.filter(({ isListening }) => isListening).length,
    gaps: followers.reduce((sum, { gaps }) => sum + gaps, 0),
    places,
    answeredAt: followers.flatMap(({ answeredAt }) => answeredAt.splice(0)),
    catchUps: followers.flatMap(({ catchUps }) => catchUps.splice(0)),
    recovered: followers.flatMap(({ recoveries }) => recoveries.splice(0)).filter(Boolean).length,
  };
}
