/** Downloads a file's results, to stdout or to a file that is whole once it has its name. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { type GatewayAddress, request, unreachable } from './api.js';
import { EXIT, Failure } from './failure.js';
import type { Output } from './output.js';

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
  const body = Readable.fromWeb(response.body as ReadableStream);
  const partial = path === undefined ? undefined : `${path}.part`;
  try {
    if (partial === undefined) await pipeline(body, process.stdout, { end: false });
    else await pipeline(body, createWriteStream(partial));
  } catch (error) {
    if (partial !== undefined) await rm(partial, { force: true });
    throw whyCutOff(gateway, error as NodeJS.ErrnoException);
  }
  if (path !== undefined && partial !== undefined) {
    await rename(partial, path);
    output.note(`Written to ${path}.`);
  }
  return EXIT.ok;
}

function whyCutOff(gateway: GatewayAddress, error: NodeJS.ErrnoException): Failure {
  if (error.syscall === 'open' || error.syscall === 'write' || error.code === 'EPIPE')
    return new Failure('cannot_write', `the results cannot be written (${error.code})`, EXIT.cannotWrite);
  return new Failure(
    'cut_off',
    `the download broke off: ${unreachable(gateway, error).message}`,
    EXIT.unavailable,
  );
}
