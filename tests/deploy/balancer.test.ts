import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Gateway } from '../../src/gateway.js';
import { describeCluster, startGateways } from '../support/cluster.js';
import { StrictListener } from '../support/listener.js';
import { type Databases, describeWithOwnMongo, openMongo } from '../support/mongo-server.js';
import { playScenario } from '../support/play-scenario.js';
import { message, Producer } from '../support/producer.js';
import { describeWithOwnRedis, randomPrefix } from '../support/redis-server.js';
import { scenarios } from '../support/scenario.js';
import { addresses, entry } from '../support/updates.js';
import { retry } from '../support/wait.js';
import { describeBalancer, startBalancer } from './balancer.js';

const results = addresses(4).map((email) => entry(email));

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly cookie: string;
}

/** A request from one of this machine's loopback addresses. To the balancer each address is another client. */
function call(
  method: string,
  url: string,
  { from = '127.0.0.1', cookie = '', body = '' } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = cookie === '' ? {} : { cookie };
    const sent = request(url, { method, localAddress: from, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      const [set = ''] = response.headers['set-cookie'] ?? [];
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text, cookie: set.split(';', 1)[0] ?? '' }),
      );
      response.once('error', reject);
    });
    sent.once('error', reject).end(body);
  });
}

const get = (url: string, options: { from?: string } = {}) => call('GET', url, options);
const clientAddress = (number: number) => `127.0.0.${2 + number}`;

interface Session {
  readonly cookie: string;
  readonly sid: string;
}

/** Opens a polling session, as a browser without WebSockets does. */
async function beginPolling(url: string, from: string): Promise<Session> {
  const { status, text, cookie } = await get(`${url}/socket.io/?EIO=4&transport=polling`, { from });
  expect(status).toBe(200);
  return { cookie, sid: (JSON.parse(text.slice(1)) as { sid: string }).sid };
}

/**
 * The session's second request, with the packet that every Socket.IO client sends first. 400: the session is unknown
 * there.
 */
async function goOn(
  url: string,
  { sid }: Session,
  options: { from?: string; cookie?: string },
): Promise<number> {
  const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
  const { status } = await call('POST', `${url}${path}`, { ...options, body: '40' });
  return status;
}

async function socketsOf({ url }: Gateway): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^verigate_sockets (\d+)/m.exec(metrics)?.[1]);
}

async function startBoth(env: NodeJS.ProcessEnv) {
  const [one, two] = (await startGateways(2, env)) as [Gateway, Gateway];
  return { one, two, url: await startBalancer([one.url, two.url]) };
}

describeBalancer('behind the load balancer', () => {
  describeCluster('two gateways', (newEnv) => {
    test('agree with the oracle, whichever gateway a request or a listener reaches', async () => {
      const env = { ...newEnv(), FLUSH_INTERVAL_MS: '5', EMAILS_PER_EVENT: '4', FEED_HISTORY: '12' };
      const { url } = await startBoth(env);
      let round = 0;
      const agree = fc.asyncProperty(scenarios, (scenario) =>
        playScenario([url], `round ${round++}`, scenario, 4),
      );
      await fc.assert(agree, { numRuns: 1, endOnFailure: true });
    });

    test('share the listeners that connect with a WebSocket', async () => {
      const { one, two, url } = await startBoth(newEnv());
      const listeners = [0, 1, 2, 3].map((number) => new StrictListener(`f${number}`));
      for (const listener of listeners) await listener.join(url);
      expect([await socketsOf(one), await socketsOf(two)]).toEqual([2, 2]);
    });

    test("keep their polling browsers, even if a browser's address changes", async () => {
      const { url } = await startBoth(newEnv());
      const sessions: Session[] = [];
      for (let i = 0; i < 16; i++) sessions.push(await beginPolling(url, clientAddress(i)));
      expect(new Set(sessions.map(({ cookie }) => cookie))).toEqual(
        new Set(['verigate=one', 'verigate=two']),
      );
      for (const [i, session] of sessions.entries()) {
        expect(await goOn(url, session, { from: clientAddress(16 + i), cookie: session.cookie })).toBe(200);
      }
    });

    test('keep a polling program without cookies as long as its address does not change', async () => {
      const { url } = await startBoth(newEnv());
      for (let i = 0; i < 16; i++) {
        const session = await beginPolling(url, clientAddress(i));
        expect(await goOn(url, session, { from: clientAddress(i) })).toBe(200);
      }
    });

    test('do not show their metrics', async () => {
      const { url } = await startBoth(newEnv());
      for (const path of ['/metrics', '/metrics/', '/metrics?x', '//metrics'])
        expect((await get(`${url}${path}`)).status).toBe(404);
      expect((await get(`${url}/readyz`)).status).toBe(200);
    });

    test('can be stopped one by one without a loss', async () => {
      const env = newEnv();
      const { one, url } = await startBoth(env);
      const producer = new Producer(url);
      const listeners = (['websocket', 'websocket', 'polling'] as const).map(
        (transport) => new StrictListener('f1', { transports: [transport] }),
      );
      for (const listener of listeners) await listener.join(url);
      const step = (upTo: number) => producer.update(message('b1', results, { upTo, fileId: 'f1' }));
      await step(1);
      for (const listener of listeners) await listener.until(() => listener.has('b1', 0));
      const closing = one.close();
      // If a gateway refuses connections, the balancer uses the other one. Before that the gateway itself may answer
      // that it is draining.
      await retry(() => step(2));
      await closing;
      expect(listeners.some(({ draining }) => draining !== null)).toBe(true);
      await step(3);
      const gone = listeners.filter(({ isConnected }) => !isConnected);
      expect(gone.length).toBeGreaterThan(0);
      for (const listener of gone) await listener.join(url);
      for (const listener of listeners) {
        await listener.until(() => listener.has('b1', 2));
        expect(listener.faults).toEqual([]);
      }
    });
  });

  describeWithOwnMongo('two gateways', () => {
    let databases: Databases | undefined;
    beforeAll(async () => {
      databases = await openMongo();
    });
    afterAll(() => databases?.stop());

    describeWithOwnRedis('that have lost their Redis', (startRedis) => {
      test('report it themselves, and keep their listeners', async () => {
        const redis = await startRedis();
        const env = {
          REDIS_URL: redis.url,
          MONGODB_URI: databases?.newUri() ?? '',
          KEY_PREFIX: randomPrefix(),
        };
        const { url } = await startBoth(env);
        // A polling listener may reach the other gateway while only one is known not to be ready, and then starts a new
        // session.
        const listener = await new StrictListener('f1').join(url);
        const producer = new Producer(url);
        await producer.update(message('b1', results, { upTo: 1, fileId: 'f1' }));
        await listener.until(() => listener.has('b1', 0));
        await redis.kill();
        // Until the balancer knows that no gateway is ready, and as long as that is so.
        await retry(async () => expect((await get(`${url}/balancer`)).status).toBe(503));
        const response = await fetch(`${url}/api/files/f1/stats`);
        expect(response.status).toBe(503);
        expect(response.headers.get('retry-after')).not.toBeNull();
        expect(await response.json()).toMatchObject({ code: 'unavailable' });
        // Updates need the database only, and are still accepted.
        expect(await producer.update(message('b1', results, { upTo: 2, fileId: 'f1' }))).toBe('applied');
        expect(listener.isConnected).toBe(true);
        await redis.startAgain();
        await retry(async () => expect((await get(`${url}/balancer`)).status).toBe(200));
        await retry(() => producer.update(message('b1', results, { isComplete: true, fileId: 'f1' })));
        await listener.until(() => listener.has('b1', 3));
      });
    });
  });
});
