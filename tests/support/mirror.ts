/** Listens to a file's Redis channels and to its rooms, and checks what they carry. */
import { expect } from '@jest/globals';
import { eventually } from './eventually.js';
import { pathOf } from './producer.js';
import type { Cursor, EmailsEvent } from './protocol.js';
import { RawWebSocket } from './raw-websocket.js';
import { plainClient } from './redis-server.js';
import { Signal } from './wait.js';

const FEEDS = ['file_stats', 'file_emails'] as const;

/** Collects the messages of a file's two channels, in order. */
export class Mirror {
  /** Event name and payload, as text. */
  readonly received: [string, string][] = [];
  readonly #signal = new Signal();

  static async of(url: string, fileId: string): Promise<Mirror> {
    const mirror = new Mirror();
    const client = plainClient(url);
    client.on('message', (channel: string, payload: string) => {
      mirror.received.push([channel.slice(0, channel.indexOf(':')), payload]);
      mirror.#signal.changed();
    });
    await client.subscribe(...FEEDS.map((feed) => `${feed}:${fileId}`));
    return mirror;
  }

  has(name: (typeof FEEDS)[number], revision: number): boolean {
    return this.received.some(
      ([event, text]) => event === name && (JSON.parse(text) as Cursor).revision === revision,
    );
  }

  until(condition: () => boolean, withinMs?: number): Promise<void> {
    return this.#signal.until(condition, () => `${condition}: ${this.received.length} received`, withinMs);
  }
}

/** Joins both rooms of a file at one gateway. @returns a function that gives the events so far, as on the wire */
export async function openRoom(url: string, fileId: string): Promise<() => [string, string][]> {
  const socket = await RawWebSocket.open(url);
  socket.answersPings = true;
  socket.send('40');
  await socket.received('40');
  socket.send(`421["subscribe",${JSON.stringify({ fileId })}]`);
  await socket.received('431[{"ok":true');
  return () =>
    socket.texts.flatMap((text): [string, string][] => {
      const [, name, payload] = /^42\["(\w+)",(.*)\]$/s.exec(text) ?? [];
      return name === undefined || payload === undefined ? [] : [[name, payload]];
    });
}

/**
 * Revisions count 1, 2, 3 …, results come before their stats, and `previous` chains, from an epoch's first change on.
 */
export function expectNoHole(events: readonly (readonly [string, string])[]): void {
  let [revision, previous, epoch] = [0, 0, ''];
  for (const [name, payload] of events) {
    const body = JSON.parse(payload) as Cursor & Partial<EmailsEvent>;
    if (epoch === '') epoch = body.epoch;
    expect(body.epoch).toBe(epoch);
    expect([revision, revision + 1]).toContain(body.revision);
    revision = body.revision;
    if (name !== 'file_emails') continue;
    expect(body.previous).toBe(previous);
    previous = revision;
  }
}

/** Each result of a batch whose list only grows is announced once. */
export function expectAnnouncedOnce(
  events: readonly (readonly [string, string])[],
  growing: ReadonlySet<string>,
): void {
  const places = new Set<string>();
  for (const [name, payload] of events) {
    if (name !== 'file_emails') continue;
    for (const { batchId, position } of (JSON.parse(payload) as EmailsEvent).emails) {
      const place = `${batchId} ${position}`;
      if (growing.has(batchId)) expect(places).not.toContain(place);
      places.add(place);
    }
  }
}

/** The mirrors at each node, the rooms at each gateway and REST at each gateway tell the same. */
export async function expectSameBytes(
  urls: readonly string[],
  fileId: string,
  [mirror, ...others]: readonly Mirror[],
  rooms: readonly (() => [string, string][])[],
) {
  const answers = await Promise.all(urls.map((url) => fetch(`${url}${pathOf(fileId)}/stats`)));
  const stats = await Promise.all(answers.map((answer) => answer.text()));
  const { revision } = JSON.parse(stats[0] ?? '') as { revision: number };
  await Promise.all([mirror, ...others].map((each) => each?.until(() => each.has('file_stats', revision))));
  const told = mirror?.received ?? [];
  expectNoHole(told);
  for (const other of others) expect(other.received).toEqual(told);
  for (const room of rooms) {
    await eventually('the room has every message', () => room().length >= told.length);
    expect(room()).toEqual(told);
  }
  expect(stats).toEqual(urls.map(() => told.findLast(([name]) => name === 'file_stats')?.[1]));
}
