/** Downloads a file's results, to stdout or to a file that is whole once it has its name. */
import { randomBytes } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { type GatewayAddress, noGateway, request, unreachable } from './api.js';
import { EXIT, Failure } from './failure.js';
import { type Output, plainText } from './output.js';

export interface ExportOptions {
  readonly output?: string;
  readonly format?: string;
  readonly layout?: string;
  readonly escape?: string;
  readonly bom?: boolean;
  readonly status?: string;
  readonly risk?: string;
  readonly reason?: string;
  readonly email?: string;
}

export async function exportFile(
  gateway: GatewayAddress,
  fileId: string,
  { output: path, bom, ...query }: ExportOptions,
  output: Output,
): Promise<number> {
  const response = await request(gateway, `/api/files/${encodeURIComponent(fileId)}/export`, {
    query: { ...query, bom: bom ? '1' : undefined },
    tries: 3,
  });
  // A page that asks for a login is answered with success as well.
  if (!response.headers.has('Content-Disposition')) {
    await response.body?.cancel();
    throw noGateway(response.url);
  }
  const body = Readable.fromWeb(response.body as ReadableStream);
  try {
    if (path === undefined) await toStdout(body);
    else await toFile(body, path);
  } catch (error) {
    throw whyCutOff(gateway, error as NodeJS.ErrnoException);
  }
  if (path !== undefined) output.note(`Written to ${path}.`);
  return EXIT.ok;
}

/** In a terminal no text of the results moves the cursor or says something else than it shows. */
async function toStdout(body: Readable): Promise<void> {
  if (process.stdout.isTTY)
    await pipeline(body.setEncoding('utf8'), plainText, process.stdout, { end: false });
  else await pipeline(body, process.stdout, { end: false });
}

/** A device or a pipe is written to; renaming a file over it would replace it. */
async function toFile(body: Readable, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile()) return pipeline(body, createWriteStream(path));
  // A name that no other program can have prepared as a link, and that no other export uses.
  const partial = `${path}.${randomBytes(6).toString('hex')}.part`;
  const remove = () => rmSync(partial, { force: true });
  process.once('exit', remove);
  try {
    await pipeline(body, createWriteStream(partial, { flags: 'wx' }));
    await rename(partial, path);
  } finally {
    remove();
    process.off('exit', remove);
  }
}

function whyCutOff(gateway: GatewayAddress, error: NodeJS.ErrnoException): Failure {
  if (['open', 'write', 'rename'].includes(error.syscall ?? '') || error.code === 'EPIPE')
    return new Failure('cannot_write', `the results cannot be written (${error.code})`, EXIT.cannotWrite);
  return new Failure(
    'cut_off',
    `the download broke off: ${unreachable(gateway, error).message}`,
    EXIT.unavailable,
  );
}
