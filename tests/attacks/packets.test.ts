import { expect, test } from '@jest/globals';
import { textParser } from '../../src/realtime/parser.js';
import { startTestGateway } from '../support/gateway.js';
import { RawWebSocket } from '../support/raw-websocket.js';

/** As many as a packet has room for, each twenty times as large in memory. */
const MANY = `[${'{},'.repeat(20_000)}{}]`;

test('a packet of many values is not parsed', () => {
  const decoder = new textParser.Decoder();
  const packets: unknown[] = [];
  decoder.on('decoded', (packet) => packets.push(packet));
  decoder.add(`421["subscribe",{"fileId":"f","more":${MANY}}]`.slice(1));
  expect(packets).toEqual([{ type: 2, nsp: '/', id: 1, data: ['subscribe', null] }]);
  expect(() => decoder.add(`0{"token":"t","more":${MANY}}`)).toThrow();
  decoder.add(`0{"token":"t","more":${JSON.stringify(Array.from({ length: 900 }, () => 1))}}`);
  expect(packets).toHaveLength(2);
});

test('an event of many values is refused, a hello of many ends its connection, and others go on', async () => {
  const { url } = await startTestGateway();
  const [listener, stranger] = [await RawWebSocket.open(url), await RawWebSocket.open(url)];
  listener.send('40');
  await listener.received('40');
  stranger.send(`40{"more":${MANY}}`);
  await stranger.until(() => stranger.isClosed);
  listener.send(`421["subscribe",{"fileId":"f","more":${MANY}}]`);
  await listener.received('431[{"ok":false,"error":{"code":"invalid_request"');
  listener.send('422["subscribe",{"fileId":"f"}]');
  await listener.received('432[{"ok":true');
});
