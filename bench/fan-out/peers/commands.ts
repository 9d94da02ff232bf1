/** The protocol by which the benchmark controls a compared server, over its standard input and output. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** A command, one line of text. The server answers with a line when it is done. */
export interface Command {
  /** Length of an event on the wire, without the frame around it. */
  readonly bytes: number;
  readonly events: number;
  /** Events sent in one turn of the event loop. */
  readonly inOneTick: number;
}

export const lineOf = ({ bytes, events, inOneTick }: Command): string => `${bytes} ${events} ${inOneTick}\n`;

/** The event's payload, so long that the packet has the requested length. */
export function bodyOf(bytes: number): { fileId: string; text: string } {
  const body = { fileId: FILE, text: '' };
  body.text = 'x'.repeat(bytes - `42${JSON.stringify(['file_stats', body])}`.length);
  return body;
}

export const FILE = 'fan-out';

/** Turns of the event loop after the last event, so that the writes are finished. */
const DRAIN_TICKS = 20;

/** Prints the port as the first line. */
export const listen = (http: Server): Server =>
  http.listen(0, '127.0.0.1', () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`));

/**
 * Prints the port as the first line, then carries out commands. `prepare` returns the function that sends one event.
 */
export function serve(http: Server, prepare: (bytes: number) => () => unknown): void {
  listen(http);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const [bytes = 0, events = 0, inOneTick = 1] = line.split(' ').map(Number);
    const send = prepare(bytes);
    for (let sent = 0; sent < events; sent += inOneTick) {
      for (let n = 0; n < inOneTick; n++) send();
      await setImmediate();
    }
    for (let n = 0; n < DRAIN_TICKS; n++) await setImmediate();
    process.stdout.write('.\n');
  });
  lines.on('close', () => process.exit());
}
