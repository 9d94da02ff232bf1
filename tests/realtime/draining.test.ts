import { expect, it } from '@jest/globals';
import { drainSockets } from '../../src/realtime/draining.js';
import { connect } from '../support/socket.js';
import { retry } from '../support/wait.js';
import { roomStage } from './room-stage.js';

/** Far longer than in earnest, so that a busy machine does not make it one moment. */
const PACE_MS = 250;

it('sends sockets away one after the other, and until its turn each gets its events', async () => {
  const { url, io } = await roomStage();
  const notes: string[][] = [];
  for (const transport of ['websocket', 'polling', 'websocket', 'websocket', 'polling']) {
    const own: string[] = [];
    const socket = await connect(url, { transports: [transport] });
    socket.on('server_draining', ({ reconnectInMs }: { reconnectInMs: number }) =>
      own.push(reconnectInMs >= 0 && reconnectInMs <= 100 ? 'draining' : `draining: ${reconnectInMs}`),
    );
    socket.on('file_deleted', () => own.push('event'));
    // After `io server disconnect` a client would not come back by itself.
    socket.on('disconnect', (reason) => own.push(reason));
    notes.push(own);
  }
  const drained = drainSockets(io, { sentWithinMs: 30_000, readWithinMs: 10_000, paceMs: PACE_MS });
  await retry(async () => expect(notes[0]).toEqual(['draining', 'transport close']));
  io.emit('file_deleted', { fileId: 'f' });
  await drained;
  await retry(async () =>
    expect(notes.map((own) => own.slice(-2))).toEqual(notes.map(() => ['draining', 'transport close'])),
  );
  expect(notes.at(-1)).toEqual(['event', 'draining', 'transport close']);
});

it('does not keep its pace where there is no time for it', async () => {
  const { url, io } = await roomStage();
  for (let i = 0; i < 5; i++) await connect(url);
  const startedAt = performance.now();
  await drainSockets(io, { sentWithinMs: 200, readWithinMs: 200, paceMs: 60_000 });
  expect(performance.now() - startedAt).toBeLessThan(30_000);
  await retry(async () => expect(io.of('/').sockets.size).toBe(0));
});
