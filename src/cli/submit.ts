/** Uploads a list as it is on the disk, and submits it to the validator. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { answerOf, type GatewayAddress, request } from './api.js';
import { EXIT, Failure } from './failure.js';
import { formatted, type Output } from './output.js';
import { watch } from './watch.js';

export interface SubmitOptions {
  readonly fileId?: string;
  readonly column?: string;
  readonly repeats?: string;
  readonly replace?: boolean;
  readonly watch?: boolean;
}

/** The parts of the answers that are shown or sent on. */
const uploadedList = z.object({
  listId: z.string(),
  rows: z.number(),
  columns: z.array(z.object({ index: z.number(), name: z.string().nullable(), addresses: z.number() })),
  /** Null: it is not known which column is meant; so are the next three. */
  emailColumn: z.number().nullable(),
  unique: z.number().nullable(),
  repeats: z.number().nullable(),
  withoutAt: z.number().nullable(),
});
type UploadedList = z.infer<typeof uploadedList>;
/** All of it is printed as JSON. */
const submittedFile = z.looseObject({ fileId: z.string(), totalEmails: z.number() });

const TRIES = 5;

export async function submit(
  gateway: GatewayAddress,
  path: string,
  options: SubmitOptions,
  output: Output,
): Promise<number> {
  const list = await upload(gateway, path);
  output.note(`${basename(path)}: ${describe(list)}.`);
  const column = columnOf(list, options.column);
  const { fileId = idFrom(path), repeats, replace } = options;
  const response = await request(gateway, `/api/files/${encodeURIComponent(fileId)}/validations`, {
    method: 'POST',
    // Under one key it is submitted once, however often this is tried.
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() },
    body: JSON.stringify({ listId: list.listId, column, repeats, replace }),
    tries: TRIES,
  }).catch((error: unknown) => {
    throw error instanceof Failure && error.code === 'file_exists' ? fileExists(fileId) : error;
  });
  const submitted = await answerOf(response, submittedFile);
  const text = `${formatted(submitted.totalEmails)} addresses are submitted as ${fileId}`;
  output.result('submitted', submitted, text);
  if (!options.watch) return EXIT.ok;
  const code = await watch(gateway, fileId, output);
  output.note(`Your list with its verdicts: verigate export ${fileId} --layout original`);
  return code;
}

const fileExists = (fileId: string): Failure =>
  new Failure('file_exists', `there is a file ${fileId} already; --replace overwrites its results`);

/** `50,000 rows: 48,730 different addresses, 900 repeats, 370 without an @`. */
function describe({ rows, unique, repeats, withoutAt }: UploadedList): string {
  const found = unique === null ? '' : `: ${formatted(unique)} different addresses`;
  const others = [
    ...(repeats ? [`${formatted(repeats)} repeats`] : []),
    ...(withoutAt ? [`${formatted(withoutAt)} without an @`] : []),
  ];
  return `${formatted(rows)} rows${[found, ...others].join(', ')}`;
}

async function upload(gateway: GatewayAddress, path: string): Promise<UploadedList> {
  await access(path, constants.R_OK).catch(({ code }: NodeJS.ErrnoException) => {
    throw new Failure('no_input', `${path} cannot be read (${code})`, EXIT.noInput);
  });
  const response = await request(gateway, '/api/lists', {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    query: { name: basename(path) },
    body: Readable.toWeb(createReadStream(path)) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  return answerOf(response, uploadedList);
}

/** By its number, counted from 0, or by its name in the header. Undefined: the one that was found. */
function columnOf({ columns, emailColumn }: UploadedList, given: string | undefined): number | undefined {
  const choices = columns.map(
    ({ index, name, addresses }) => `${index} ${name ?? ''} (${formatted(addresses)} addresses)`,
  );
  const known = `the columns are ${choices.slice(0, 20).join(', ')}`;
  if (given === undefined) {
    if (emailColumn !== null) return undefined;
    throw new Failure('invalid_request', `--column: more than one may be meant; ${known}`, EXIT.usage);
  }
  const found = columns.find(({ index, name }) => String(index) === given || name === given);
  if (found === undefined)
    throw new Failure('invalid_request', `--column: there is no ${given}; ${known}`, EXIT.usage);
  return found.index;
}

/** `customers-3f9a1c`: the list's name, made unique, so that no file is replaced by accident. */
function idFrom(path: string): string {
  const name = basename(path)
    .replace(/\.[^.]*$/, '')
    .replace(/[^\p{L}\p{N}_-]+/gu, '-')
    .slice(0, 100);
  return `${name || 'list'}-${randomBytes(3).toString('hex')}`;
}
