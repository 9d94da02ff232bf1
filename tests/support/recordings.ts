/** Recordings of the real validator, and what may happen to them on the way. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Message } from './producer.js';
import { shuffled } from './scenario.js';

/** Tests run from dist/; the recordings are beside the sources. */
const FOLDER = fileURLToPath(new URL('../../../tests/fixtures/', import.meta.url));

export interface Recording {
  readonly name: string;
  /** What the real validator published, in order. */
  readonly messages: readonly Message[];
}

export const recordings: readonly Recording[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.jsonl'))
  .map((name) => ({ name, messages: readMessages(join(FOLDER, name)) }));

function readMessages(path: string): Message[] {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse((JSON.parse(line) as { message: string }).message) as Message);
}

/** Changes on the way that must not change the resulting file. */
export const plays: Readonly<Record<string, (messages: readonly Message[]) => Message[]>> = {
  'in order': (messages) => [...messages],
  reversed: (messages) => [...messages].reverse(),
  shuffled: (messages) => shuffled(messages, 20_251_124),
  'each line twice': (messages) => messages.flatMap((message) => [message, message]),
  'every line but the last of each batch lost': (messages) =>
    messages.filter(
      (message, index) => messages.findLastIndex(({ batchId }) => batchId === message.batchId) === index,
    ),
};

/** The same messages under other batch ids: a batch belongs to one file, and each play is a file of its own. */
export const renamed = (messages: readonly Message[], prefix: string): Message[] =>
  messages.map((message) => ({ ...message, batchId: `${prefix}${message.batchId}` }));
