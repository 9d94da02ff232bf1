import { describe, expect, it } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { holdOn } from '../support/process.js';
import { message, Producer } from '../support/producer.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { plainResults } from '../support/results.js';
import { connect, subscribe } from '../support/socket.js';

const statusOf = async (url: string, path: string) => (await fetch(`${url}${path}`)).status;

/** What a bare connection is answered first: `fetch` would tidy the path up. */
async function raw(url: string, path: string): Promise<string> {
  const socket = await holdOn(url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('an attacker', () => {
  it('does not get operators into a query', async () => {
    const { url } = await startTestGateway();
    await new Producer(url).update(message('b', plainResults('x', 3), { fileId: 'f', isComplete: true }));
    for (const query of [
      'status[$ne]=',
      'status[$gt]=a',
      'email[$regex]=.*',
      'page[]=1',
      'status=a&status=b',
    ])
      expect([query, await statusOf(url, `/api/files/f/emails?${query}`)]).toEqual([query, 400]);
    for (const id of ['{"$gt":""}', '[$ne]', '$where', '__proto__', "f' OR 1=1 --"])
      expect(await statusOf(url, `/api/files/${encodeURIComponent(id)}`)).toBe(404);
    const operators: readonly unknown[] = [{ $gt: '' }, { $ne: null }, [{ $exists: true }], ['f']];
    const posted: readonly (readonly [path: string, body: object, field: string])[] = [
      ...['batchId', 'fileId', 'requestId'].map((field) => ['/updates', message('b', []), field] as const),
      ...['requestId', 'userId'].map(
        (field) => ['/files/f/batches', { batches: [{ batchId: 'b' }] }, field] as const,
      ),
      ['/files/f/batches/b/fail', {}, 'reason'],
    ];
    for (const [path, body, field] of posted) {
      for (const operator of operators) {
        const said = { ...body, [field]: operator };
        const { status, body: problem } = await new Producer(url).call('POST', `/api${path}`, said);
        expect({ path, status, errors: problem.errors }).toMatchObject({
          path,
          status: 400,
          errors: [{ field }],
        });
      }
    }
    const listed = { batches: [{ batchId: { $gt: '' } }] };
    expect((await new Producer(url).call('POST', '/api/files/f/batches', listed)).status).toBe(400);
    for (const query of ['cursor[$gt]=', 'limit[$gt]=1', 'status[$ne]=x'])
      for (const path of ['/api/files', '/api/files/f/batches', '/api/dead-letters'])
        if (!query.startsWith('status') || path.endsWith('batches'))
          expect([path, query, await statusOf(url, `${path}?${query}`)]).toEqual([path, query, 400]);
    // Nothing of the file was found by any of it.
    expect((await new Producer(url).get('/api/files/f/stats')).body).toMatchObject({
      status: 'completed',
      progress: { total: 3, processed: 3 },
      batches: { total: 1, failed: 0 },
    });
  });

  it('does not make a search slow by what is looked for', async () => {
    const { url } = await startTestGateway();
    await new Producer(url).update(message('b', plainResults('a', 500), { fileId: 'f', isComplete: true }));
    // One that ran away would not be over within the test's own limit.
    for (const email of [
      `${'a'.repeat(500)}!`,
      '(a+)+$',
      '.*'.repeat(300),
      '%'.repeat(1000),
      '*'.repeat(1000),
    ])
      expect(await statusOf(url, `/api/files/f/emails?email=${encodeURIComponent(email)}`)).toBe(200);
    expect(await statusOf(url, `/api/files/f/emails?email=${'a'.repeat(1025)}`)).toBe(400);
  });

  it('does not read beyond the dashboard’s folder', async () => {
    const { url } = await startTestGateway();
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/..%2fpackage.json',
      '/client/../../../package.json',
      '/client/..%5c..%5cpackage.json',
      '/js/%00../../package.json',
      '//etc/passwd',
      '/.git/config',
      '/%2egit/config',
    ]) {
      const text = await raw(url, path);
      expect(text).toMatch(/^HTTP\/1.1 (400|403|404)/);
      expect(text).not.toMatch(/"verigate"|root:|\[core\]/);
    }
  });

  it('does not disturb others by packets that make no sense', async () => {
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0' });
    const listener = await connect(url);
    await subscribe(listener, { fileId: 'f' });
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const packets = [
      '42',
      '42{}',
      '42[]',
      '42[1]',
      '42["subscribe"]',
      '42["subscribe",null]',
      '42["__proto__",{}]',
      '42["connect"]',
      '42["disconnecting"]',
      '451-["subscribe",{"_placeholder":true,"num":0}]',
      '459999999999-["subscribe"]',
      '43[]',
      '439999999999999999999[1]',
      '44"x"',
      '47',
      `420["subscribe",${deep}]`,
      `420["subscribe",{"fileId":${deep}}]`,
    ];
    for (let n = 0; n < 1_000; n += packets.length * 5) {
      const socket = await RawWebSocket.open(url);
      socket.send('40');
      for (let turn = 0; turn < 5; turn++) for (const packet of packets) socket.send(packet);
      socket.destroy();
    }
    const event = new Promise<{ fileId: string }>((resolve) => listener.once('file_stats', resolve));
    await new Producer(url).update(message('b', plainResults('x', 1), { fileId: 'f', isComplete: true }));
    expect((await event).fileId).toBe('f');
  });

  it('does not make the gateway hold binary parts without an end', async () => {
    const { url } = await startTestGateway();
    for (const count of ['11', '1000', '99999999999']) {
      const socket = await RawWebSocket.open(url);
      socket.send('40');
      await socket.received('40');
      socket.send(`45${count}-["subscribe",{"_placeholder":true,"num":0}]`);
      await socket.until(() => socket.isClosed);
      expect(socket.isClosed).toBe(true);
    }
  });

  it('does not run formulas in the spreadsheet that opens an export', async () => {
    const { url } = await startTestGateway();
    const formulas = ['=1+1', '+1', '-1', '@SUM(1)', '\t=1', '\r=1', ' =1', '＝1', '=cmd|" /C calc"!A0'];
    const results = formulas.map((text, index) => ({
      ...plainResults('x', 1)[0],
      email: `${text}${index}@x`,
      details: { general: { reason: text, domain: text } },
    }));
    await new Producer(url).update(message('b', results, { fileId: 'f', isComplete: true }));
    const csv = await new Producer(url).text('/api/files/f/export?format=csv');
    const cells = csv.split(/\r\n/).flatMap((row) => row.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? []);
    for (const cell of cells) expect(cell.replace(/^"/, '')).not.toMatch(/^[=+@\t\r]|^-\d/);
    expect(csv).toContain("'=1+1");
  });
});
