/** Follows a file to its end. */
import { io } from 'socket.io-client';
import { z } from 'zod';
import { type Stats, VerigateError, waitFor } from '../client/index.js';
import { answerOf, type GatewayAddress, noGateway, request } from './api.js';
import { EXIT, exitCodeOf, Failure } from './failure.js';
import { type Output, summaryOf } from './output.js';

const count = z.number().nonnegative();
/** The parts of the stats that are shown. */
const shownStats = z.object({
  status: z.string(),
  progress: z.object({ total: count, processed: count, skipped: count, percentage: count.max(100) }),
  stats: z.record(z.string(), z.object({ count })),
  throughput: z.object({ emailsPerSecond: z.number().nullable(), etaSeconds: z.number().nullable() }),
  submission: z.object({ uncertain: count, error: z.string().nullable() }).nullable(),
});

/** The first connection is made within this time, or there is nothing to connect to. */
const CONNECT_WITHIN_MS = 30_000;

/** @returns the exit code: 0 when the file is completed, or was once */
export async function watch(
  gateway: GatewayAddress,
  fileId: string,
  output: Output,
  connectWithinMs = CONNECT_WITHIN_MS,
): Promise<number> {
  await lookFirst(gateway, fileId, output);
  const socket = io(gateway.url, { transports: ['websocket'] });
  const neverConnected = new AbortController();
  let why = 'no answer';
  const timer = setTimeout(() => neverConnected.abort(noSocket(gateway.url, why)), connectWithinMs);
  socket.on('connect_error', ({ message }) => {
    why = message;
  });
  let isAway = false;
  socket.on('disconnect', (reason) => {
    if (reason === 'io client disconnect') return;
    isAway = true;
    output.note('The connection is lost; connecting again.');
  });
  socket.on('connect', () => {
    clearTimeout(timer);
    if (isAway) output.note('Connected again.');
    isAway = false;
  });
  try {
    const stats = await waitFor(socket, fileId, {
      signal: neverConnected.signal,
      ...(gateway.token === undefined ? {} : { token: gateway.token }),
      onStats: (now) => {
        if (!shownStats.safeParse(now).success) throw noGateway(gateway.url);
        output.progress(now);
      },
    });
    return ended(stats, output);
  } catch (error) {
    if (!(error instanceof VerigateError)) throw error;
    throw new Failure(error.code, error.message, exitCodeOf(error.code, error.retryable));
  } finally {
    clearTimeout(timer);
    output.endProgress();
    socket.disconnect();
  }
}

const noSocket = (url: string, why: string): Failure =>
  new Failure(
    'unreachable',
    `no WebSocket opens at ${url} (${why}): it is no gateway, or a proxy before it passes on no upgrade`,
    EXIT.unavailable,
  );

/** Says at once what the socket would try again for ever: a wrong address, a wrong token. */
async function lookFirst(gateway: GatewayAddress, fileId: string, output: Output): Promise<void> {
  try {
    const path = `/api/files/${encodeURIComponent(fileId)}/stats`;
    await answerOf(await request(gateway, path, { tries: 3 }), shownStats);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'file_not_found') throw error;
    output.note(`Nothing is known of a file ${fileId} yet; waiting for it.`);
  }
}

function ended(stats: Stats, output: Output): number {
  output.endProgress();
  const { status, fileId } = stats;
  output.result('ended', { fileId, status }, `${fileId} is ${status}: ${summaryOf(stats)}`);
  return status === 'failed' ? EXIT.failed : EXIT.ok;
}
