import { expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.js';
import { message, Producer } from '../support/producer.js';
import { plainResults } from '../support/results.js';

/** Packets are separated by U+001E in the payload of a poll. */
const SEPARATOR = '\u001e';

/** Engine.IO over HTTP by hand: a client decides itself when it polls. */
async function polling(url: string) {
  const endpoint = `${url}/socket.io/?EIO=4&transport=polling`;
  const read = async (at: string): Promise<string[]> => (await (await fetch(at)).text()).split(SEPARATOR);
  const [opened = ''] = await read(endpoint);
  const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
  const session = `${endpoint}&sid=${sid}`;
  return {
    send: async (packet: string) => {
      await (await fetch(session, { method: 'POST', body: packet })).text();
    },
    poll: () => read(session),
  };
}

test('the payload of a poll has at most 16 packets, and the next one goes on where it ended', async () => {
  const { url } = await startTestGateway({ EMAILS_PER_EVENT: '1', FLUSH_INTERVAL_MS: '5' });
  const client = await polling(url);
  await client.send('40');
  expect((await client.poll())[0]).toMatch(/^40\{/);
  await client.send('420["subscribe",{"fileId":"f"}]');
  expect((await client.poll())[0]).toMatch(/^430\[/);
  const producer = new Producer(url);
  const results = plainResults('a', 70);
  await producer.update(message('b', results, { fileId: 'f', isComplete: true }));
  // By then all is announced, and waits for the client to poll.
  expect((await producer.get('/api/files/f/stats')).body).toMatchObject({ status: 'completed' });

  const sizes: number[] = [];
  const places: number[] = [];
  while (places.length < results.length) {
    const packets = await client.poll();
    sizes.push(packets.length);
    for (const packet of packets) {
      const [event, body] = JSON.parse(packet.replace(/^\d+/, '') || '[]') as [
        string,
        { emails: { position: number }[] },
      ];
      if (event === 'file_emails') places.push(...body.emails.map(({ position }) => position));
    }
  }
  expect(places).toEqual(results.map((_, index) => index));
  expect(Math.max(...sizes)).toBe(16);
});
