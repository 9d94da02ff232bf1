import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from '@jest/globals';
import { call, complete, result, startApp, type TestApp } from './harness.js';

/** Sends a body in chunks, without saying how long it will be, until the answer is there. */
async function upload(
  app: TestApp,
  path: string,
  chunk: Buffer,
): Promise<{ status: number | undefined; sent: number }> {
  const outgoing = request(`${app.url}${path}`, { method: 'POST' });
  outgoing.on('error', () => undefined);
  let sent = 0;
  let answered = false;
  const answer = once(outgoing, 'response');
  const pump = () => {
    while (!answered && outgoing.write(chunk)) sent += chunk.length;
  };
  outgoing.on('drain', pump);
  pump();
  const [response] = await answer;
  answered = true;
  outgoing.destroy();
  return { status: response.statusCode, sent };
}

test('a body over the limit is refused, with or without a Content-Length, before all of it was sent', async () => {
  const app = await startApp({ config: { MAX_UPDATE_BYTES: 2048, MAX_BODY_BYTES: 4096 } });
  const update = JSON.stringify(complete('b', [result('x'.repeat(2048))]));
  const declared = await call(app, 'POST', '/api/updates', update);
  expect(declared.status).toBe(413);
  expect(declared.json).toMatchObject({ code: 'payload_too_large', errors: [{ field: 'body' }] });
  for (const path of ['/api/updates', '/api/files/f/batches', '/api/files/f/validations']) {
    expect((await upload(app, path, Buffer.alloc(1024, 0x20))).status).toBe(413);
  }
  const exact = JSON.stringify(complete('b', [])).padEnd(2048);
  expect((await call(app, 'POST', '/api/updates', exact)).status).toBe(202);
});

test('a body that is packed, or no UTF-8, or breaks off, is refused', async () => {
  const app = await startApp();
  const send = (headers: Record<string, string>, body: string | Uint8Array) =>
    fetch(`${app.url}/api/files/f/batches`, { method: 'POST', headers, body });
  const packed = await send({ 'content-encoding': 'gzip' }, '{}');
  expect(packed.status).toBe(400);
  expect(await packed.json()).toMatchObject({ errors: [{ field: 'content-encoding' }] });
  expect((await send({ 'content-encoding': 'identity' }, '{"batches":[{"batchId":"b"}]}')).status).toBe(201);
  const latin = await send({}, Buffer.from('{"batches":[{"batchId":"\xfc"}]}', 'latin1'));
  expect(await latin.json()).toMatchObject({ code: 'invalid_request', errors: [{ field: 'body' }] });

  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.write('POST /api/updates HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"batchId"');
  socket.end();
  await once(socket.resume(), 'close');
  expect((await call(app, 'GET', '/livez')).status).toBe(200);
  expect(app.log.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

test('a result that no engine could store is refused, and leaves no file behind', async () => {
  const app = await startApp({ config: { MAX_UPDATE_BYTES: 2 ** 26, MAX_BODY_BYTES: 2 ** 26 } });
  const update = JSON.stringify({ ...complete('b', [result('x'.repeat(15 * 2 ** 20))]), fileId: 'f' });
  const answer = await call(app, 'POST', '/api/updates', update);
  expect([answer.status, answer.json.code]).toEqual([413, 'payload_too_large']);
  expect((await call(app, 'GET', '/api/files/f')).status).toBe(404);
});
