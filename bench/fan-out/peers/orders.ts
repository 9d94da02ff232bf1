import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** What a peer is told on its standard input, a line each; it answers with a line when it is done. */
export interface Order {
  /** Length of an event on the wire, without the frame around it. */
  readonly bytes: number;
  readonly events: number;
  /** Events sent in one go. */
  readonly inOneTick: number;
}

export const lineOf = ({ bytes, events, inOneTick }: Order): string => `${bytes} ${events} ${inOneTick}\n`;

/** What peers in JavaScript send: its packet is as long as asked. */
export function bodyOf(bytes: number): { fileId: string; text: string } {
  const body = { fileId: FILE, text: '' };
  body.text = 'x'.repeat(bytes - `42${JSON.stringify(['file_stats', body])}`.length);
  return body;
}

export const FILE = 'fan-out';

/** Ticks in which what the sockets have taken is told of. */
const SETTLE_TICKS = 20;

/** Says the port in its first line, then carries out orders: `prepare` gives what sends one event of such a length. */
export function obey(http: Server, prepare: (bytes: number) => () => unknown): void {
  http.listen(0, '127.0.0.1', () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`));
  const lines = createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const [bytes = 0, events = 0, inOneTick = 1] = line.split(' ').map(Number);
    const send = prepare(bytes);
    for (let sent = 0; sent < events; sent += inOneTick) {
      for (let n = 0; n < inOneTick; n++) send();
      await setImmediate();
    }
    for (let n = 0; n < SETTLE_TICKS; n++) await setImmediate();
    process.stdout.write('.\n');
  });
  lines.on('close', () => process.exit());
}
