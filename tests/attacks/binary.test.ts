import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { Decoder, Encoder, type Packet, PacketType } from 'socket.io-parser';
import { textParser } from '../../src/realtime/parser.js';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { plainResults } from '../support/results.js';
import { connect } from '../support/socket.js';

const PART = 60_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** How many of nine parts stay in memory when a decoder waits for the tenth. */
async function keptBy(decoder: { add(packet: unknown): void }): Promise<number> {
  decoder.add('510-["subscribe",{"_placeholder":true,"num":0}]');
  const parts = Array.from({ length: 9 }, () => {
    const part = Buffer.alloc(PART);
    decoder.add(part);
    return new WeakRef(part);
  });
  // What a weak reference was made for lives until the turn is over.
  await nextTurn();
  collectGarbage();
  const kept = parts.filter((part) => part.deref() !== undefined).length;
  decoder.add(Buffer.alloc(1));
  return kept;
}

describe('binary parts of packets', () => {
  it('are not kept', async () => {
    // Socket.IO's own decoder shows that this would be seen.
    expect(await keptBy(new Decoder())).toBe(9);
    expect(await keptBy(new textParser.Decoder())).toBe(0);
  });

  it('are refused in a well-formed event, and the connection goes on', async () => {
    const { url } = await startTestGateway();
    const listener = await connect(url);
    const invalid = { ok: false, error: { code: 'invalid_request', retryable: false } };
    const parts = Buffer.alloc(1_000);
    expect(await listener.emitWithAck('subscribe', parts)).toMatchObject(invalid);
    expect(await listener.emitWithAck('subscribe', { fileId: parts, feeds: [parts, parts] })).toMatchObject(
      invalid,
    );
    expect(await listener.emitWithAck('refresh', { token: parts })).toMatchObject(invalid);
    expect(await listener.emitWithAck('subscribe', { fileId: 'f' })).toMatchObject({ ok: true });
  });

  it.each([
    ['that no packet declared', [Buffer.alloc(10)]],
    ['one more than declared', ['451-["x"]', Buffer.alloc(10), Buffer.alloc(10)]],
    ['that do not come before the next packet', ['452-["x"]', Buffer.alloc(10), '42["x"]']],
    ['beyond the number that Socket.IO takes', ['4511-["x"]']],
    ['in a number that is none', ['4501-["x"]']],
    ['of an acknowledgement, too many', ['4611-1["x"]']],
  ])('end the connection: %s', async (_, packets) => {
    const { url } = await startTestGateway();
    const socket = await RawWebSocket.open(url);
    socket.send('40');
    await socket.received('40');
    for (const packet of packets) socket.send(packet);
    await socket.until(() => socket.isClosed);
    await connect(url);
  });

  it('do not trouble others, however many clients declare them and never send the last', async () => {
    const { url } = await startTestGateway();
    const listener = await connect(url);
    await listener.emitWithAck('subscribe', { fileId: 'f' });
    for (let n = 0; n < 50; n++) {
      const socket = await RawWebSocket.open(url);
      socket.send('40');
      await socket.received('40');
      socket.send('4510-1["subscribe",{"_placeholder":true,"num":0}]');
      for (let part = 1; part < 10; part++) socket.send(Buffer.alloc(PART));
      // Refused before the last part is there: nothing waits for it.
      await socket.received('431[{"ok":false,"error":{"code":"invalid_request"');
    }
    const event = new Promise<{ fileId: string }>((resolve) => listener.once('file_stats', resolve));
    await new Producer(url).update(message('b', plainResults('x', 1), { fileId: 'f', isComplete: true }));
    expect((await event).fileId).toBe('f');
  });
});

test('what is sent and what comes as text is read as by Socket.IO itself', () => {
  const packets = fc.record({
    type: fc.constantFrom(PacketType.EVENT, PacketType.ACK),
    nsp: fc.constantFrom('/', '/admin'),
    id: fc.nat(),
    data: fc.tuple(fc.constantFrom('file_stats', 'subscribe', '5'), fc.jsonValue()),
  });
  interface Reader {
    on(event: 'decoded', handler: (packet: Packet) => void): unknown;
    add(text: string): void;
  }
  const read = (decoder: Reader, text: string): Packet[] => {
    const decoded: Packet[] = [];
    decoder.on('decoded', (packet) => decoded.push(packet));
    decoder.add(text);
    return decoded;
  };
  fc.assert(
    fc.property(packets, (packet) => {
      const encoded = new Encoder().encode(packet);
      expect(new textParser.Encoder().encode(packet)).toEqual(encoded);
      expect(read(new textParser.Decoder(), encoded[0])).toEqual(read(new Decoder(), encoded[0]));
    }),
  );
});
