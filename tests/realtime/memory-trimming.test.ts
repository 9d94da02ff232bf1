import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { connect } from '../support/socket.js';
import { retry } from '../support/wait.js';
import { type RoomStage, roomStage } from './room-stage.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe.each([
  ['a WebSocket', ['websocket']],
  ['polling and an upgrade', ['polling', 'websocket']],
])('a connection that came by %s', (_, transports) => {
  const arrived = async ({ url, socketOf }: RoomStage) => {
    const client = await connect(url, { transports });
    const socket = socketOf(client);
    await retry(async () => expect(socket.conn.transport.name).toBe('websocket'));
    return { client, socket };
  };

  const expectNoConnections = async ({ io }: RoomStage) => {
    await retry(async () => expect(io.engine.clientsCount).toBe(0));
    expect(io.of('/').adapter.sids.size).toBe(0);
  };

  it('keeps no request that opened it', async () => {
    const stage = await roomStage();
    const requests: WeakRef<object>[] = [];
    stage.io.engine.on('headers', (_headers: object, request: object) => requests.push(new WeakRef(request)));
    const { client } = await arrived(stage);
    expect(requests.length).toBeGreaterThanOrEqual(transports.length);
    await retry(async () => {
      collectGarbage();
      expect(requests.filter((request) => request.deref() !== undefined)).toHaveLength(0);
    });
    expect(client.connected).toBe(true);
  });

  it('ends when its TCP connection ends without a closing handshake', async () => {
    const stage = await roomStage();
    const { client, socket } = await arrived(stage);
    const gone = once(socket as never, 'disconnect');
    const { transport } = client.io.engine as unknown as { transport: { ws: { terminate(): void } } };
    transport.ws.terminate();
    await gone;
    await expectNoConnections(stage);
  });

  it('ends when its client disconnects', async () => {
    const stage = await roomStage();
    const { client, socket } = await arrived(stage);
    const gone = once(socket as never, 'disconnect');
    client.disconnect();
    await gone;
    await expectNoConnections(stage);
  });
});
