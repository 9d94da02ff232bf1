/** Runs the listeners in a process of their own; its arguments are the URL, the file and the number of listeners. */
import { ReconnectingListener } from './reconnecting-listener.js';

const [url = '', fileId = '', count = '0'] = process.argv.slice(2);

/** Handshakes in parallel while the listeners connect. */
const AT_ONCE = 100;
const TICK_MS = 10;

export type Command =
  | { readonly kind: 'report' }
  | { readonly kind: 'drop'; readonly forMs: number; readonly withinMs: number }
  | { readonly kind: 'stop' };

/** The answer to `report`. The other commands are not answered. */
export interface ListenersReport {
  /** Listeners that are subscribed now. */
  readonly listening: number;
  readonly gaps: number;
  /** Attempts to connect, since the start. */
  readonly attempts: number;
  /** Number of listeners at each position, `epoch/revision/results`. */
  readonly places: Record<string, number>;
  /** Since the last report: the time of each answer, and how long it took. */
  readonly answeredAt: number[];
  readonly catchUps: number[];
  readonly recovered: number;
  /** Of each listener: where it stood for a while, and when it went on. */
  readonly behind: (readonly [revision: number, wentOnAt: number])[][];
}

const allListeners = Array.from({ length: Number(count) }, () => new ReconnectingListener(url, fileId));
for (let first = 0; first < allListeners.length; first += AT_ONCE) {
  const some = allListeners.slice(first, first + AT_ONCE);
  for (const listener of some) listener.connect();
  while (!some.every(({ isListening }) => isListening))
    await new Promise((then) => setTimeout(then, TICK_MS));
}

process.on('message', (command: Command) => {
  if (command.kind === 'report') process.send?.(report());
  if (command.kind === 'drop') {
    for (const listener of allListeners) {
      setTimeout(
        () => listener.drop(command.forMs * (0.5 + Math.random())),
        Math.random() * command.withinMs,
      );
    }
  }
  if (command.kind === 'stop') process.exit();
});
process.send?.('ready');

function report(): ListenersReport {
  const places: Record<string, number> = {};
  for (const { position, processed } of allListeners) {
    const place = `${position?.epoch}/${position?.revision}/${processed}`;
    places[place] = (places[place] ?? 0) + 1;
  }
  return {
    listening: allListeners.filter(({ isListening }) => isListening).length,
    attempts: allListeners.reduce((sum, { attempts }) => sum + attempts, 0),
    gaps: allListeners.reduce((sum, { gaps }) => sum + gaps, 0),
    places,
    answeredAt: allListeners.flatMap(({ answeredAt }) => answeredAt.splice(0)),
    catchUps: allListeners.flatMap(({ catchUps }) => catchUps.splice(0)),
    behind: allListeners.map(({ behind }) => behind.splice(0)),
    recovered: allListeners.flatMap(({ recoveries }) => recoveries.splice(0)).filter(Boolean).length,
  };
}
