/** Bodies in chunks of a byte: each chunk would cost memory and time of its own. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { checkRequests, GatewayRequest } from '../../src/gateway/request-checks.js';
import { bodyPieces } from '../../src/http/read-body.js';
import { listen } from '../http/harness.js';
import { eventually } from '../support/eventually.js';
import { onTeardown } from '../support/teardown.js';
import { Turns } from '../support/turns.js';
import { Signal } from '../support/wait.js';

const CHUNKS = 40_000;
const CONNECTIONS = 6;
const WIRE = Buffer.from(`${'1\r\nx\r\n'.repeat(CHUNKS)}0\r\n\r\n`);

interface Seen {
  /** Pieces of each body. */
  readonly pieces: number[];
  /** By turn of the event loop: the requests of which something came, once a body of small chunks was known as such. */
  readonly turns: Map<number, Set<IncomingMessage>>;
}

async function serve(seen: Seen): Promise<string> {
  const passed = new Turns();
  const server = createServer({ IncomingMessage: GatewayRequest }, async (req, res) => {
    const push = req.push.bind(req);
    let chunks = 0;
    req.push = (chunk: Buffer | null) => {
      const turn = passed.count;
      // Later ones than what may have come before its turns began.
      if (++chunks > CHUNKS / 2) seen.turns.set(turn, (seen.turns.get(turn) ?? new Set()).add(req));
      return push(chunk);
    };
    let [pieces, bytes] = [0, 0];
    for await (const piece of bodyPieces(req, CHUNKS, () => new Error('too large'))) {
      pieces++;
      bytes += piece.byteLength;
    }
    seen.pieces.push(pieces);
    res.end(String(bytes));
  });
  checkRequests(server, { check: () => null, refused: () => undefined, maxPipelined: 10 });
  return (await listen(server)).url;
}

async function send(url: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTeardown(() => socket.destroy());
  socket.write('POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n');
  socket.write(WIRE);
  let answer = '';
  for await (const text of socket.setEncoding('latin1')) answer += text;
  return answer;
}

test('a body in chunks of a byte comes whole in few pieces, and connections that send such are read in turns', async () => {
  const seen: Seen = { pieces: [], turns: new Map() };
  const url = await serve(seen);
  const answers = await Promise.all(Array.from({ length: CONNECTIONS }, () => send(url)));
  for (const answer of answers) expect(answer).toContain(`\r\n\r\n${CHUNKS}`);
  for (const pieces of seen.pieces) expect(pieces).toBeLessThan(CHUNKS / 100);
  const together = [...seen.turns.values()].map(({ size }) => size);
  expect(together.reduce((sum, size) => sum + size, 0) / together.length).toBeLessThan(1.5);
});

test('a body that comes byte by byte, each in a turn of its own, takes little more memory than it is long', async () => {
  const BYTES = 2_000;
  const came = new Signal();
  let bytes = 0;
  const memory = new Set<ArrayBufferLike>();
  const server = createServer({ IncomingMessage: GatewayRequest }, async (req, res) => {
    for await (const piece of bodyPieces(req, BYTES, () => new Error('too large'))) {
      memory.add(piece.buffer);
      bytes += piece.byteLength;
      came.changed();
    }
    res.end();
  });
  checkRequests(server, { check: () => null, refused: () => undefined, maxPipelined: 10 });
  const { url } = await listen(server);
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay(true);
  onTeardown(() => socket.destroy());
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  for (let sent = 1; sent <= BYTES; sent++) {
    socket.write('1\r\nx\r\n');
    await came.until(
      () => bytes === sent,
      () => `${bytes} of ${sent} bytes`,
    );
  }
  const answered = once(socket, 'data');
  socket.write('0\r\n\r\n');
  await answered;
  const taken = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(taken).toBeLessThan(64 * BYTES);
});

test('a body in chunks of a byte that waits for the request before it waits in few pieces', async () => {
  let pieces = 0;
  class Counted extends GatewayRequest {
    override push(chunk: unknown): boolean {
      if (chunk !== null) pieces++;
      return super.push(chunk);
    }
  }
  const server = createServer({ IncomingMessage: Counted }, async (req, res) => {
    await eventually('much of the next one has come', () => req.socket.bytesRead > WIRE.length / 8);
    res.end(`${pieces}.`);
  });
  checkRequests(server, { check: () => null, refused: () => undefined, maxPipelined: 10 });
  const socket = connect(Number(new URL((await listen(server)).url).port), '127.0.0.1');
  onTeardown(() => socket.destroy());
  socket.write(
    'GET / HTTP/1.1\r\nhost: x\r\n\r\nPOST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n',
  );
  socket.write(WIRE);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(Number(/(\d+)\.$/.exec(answer.toString())?.[1])).toBeLessThan(CHUNKS / 100);
});
