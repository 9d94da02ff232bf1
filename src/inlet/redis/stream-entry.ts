import { textOf } from './message-processor.js';

/** An entry of the stream; `fields`: names and values in turn. */
export interface StreamEntry {
  readonly id: string;
  readonly fields: readonly Buffer[];
}

export const bytesOf = ({ fields }: StreamEntry): number =>
  fields.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** The field that holds the update. */
const FIELD = 'data';

/** The update that an entry brings; a string: why it brings none. Other fields beside it are ignored. */
export function updateIn({ fields }: StreamEntry): Buffer | string {
  const values = fields.filter((_, index) => index % 2 === 1 && fields[index - 1]?.toString() === FIELD);
  const [value] = values;
  if (value === undefined) return `${FIELD}: is required`;
  return values.length === 1 ? value : `${FIELD}: must be there once`;
}

/** All that an entry has, as JSON text: pairs, because a name may stand there twice. */
export const entryText = ({ fields }: StreamEntry): string => {
  const texts = fields.map(textOf);
  return JSON.stringify(
    texts.flatMap((name, index) => (index % 2 === 0 ? [[name, texts[index + 1] ?? '']] : [])),
  );
};

type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null] | null;

/** Reads a list of entries as Redis answers it; null stands for one that was deleted meanwhile. */
export const readEntries = (answer: unknown): (StreamEntry | null)[] =>
  ((answer ?? []) as RawEntry[]).map((raw) =>
    raw === null || raw[1] === null ? null : { id: raw[0].toString(), fields: raw[1] },
  );
