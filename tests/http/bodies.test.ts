/** What the bodies of all requests take in memory together. */
import { EventEmitter, once } from 'node:events';
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { Bodies } from '../../src/http/bodies.js';
import { startTestGateway } from '../support/gateway.js';
import { onTeardown } from '../support/teardown.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { retry } from '../support/wait.js';
import { listen } from './harness.js';

const MIB = 1024 * 1024;
/** One fits into what a caller has, two do not. */
const BODY = `{"more":"${'x'.repeat(1.5 * MIB)}`;
const SETTINGS = { ...JWT, MAX_BODIES_BYTES: String(6 * MIB) };

/** Begins a request whose body does not end. */
async function begin(url: string, path: string, sub: string): Promise<ClientRequest> {
  const authorization = `Bearer ${await tokenOf({ sub, scope: 'read ingest' })}`;
  const begun = request(`${url}${path}`, { method: 'POST', agent: false, headers: { authorization } });
  onTeardown(() => begun.destroy());
  begun.on('error', () => undefined);
  begun.write(BODY);
  return begun;
}

/** The status of what is begun, and ends with this. */
async function end(begun: ClientRequest, json: string): Promise<number | undefined> {
  const answered = once(begun, 'response');
  begun.end(json);
  const [answer] = (await answered) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

const refused = async (begun: ClientRequest) => {
  const [answer] = (await once(begun, 'response')) as [IncomingMessage];
  return [answer.statusCode, answer.headers['retry-after']];
};

const PATHS = [
  '/api/updates',
  '/api/files/f/batches',
  '/api/files/f/batches/b/fail',
  '/api/files/g/validations',
  '/api/webhooks',
];

test.each(PATHS)(
  'POST %s: bodies that do not end take no more than their caller has, and none of others',
  async (path) => {
    const { url } = await startTestGateway(SETTINGS);
    const of = (name: string) => `${name} ${path}`;
    // Its own file: it may end a batch of it.
    expect(
      await end(await begin(url, '/api/files/f/batches', 'owner'), '","batches":[{"batchId":"b"}]}'),
    ).toBe(201);
    const sub = path.endsWith('fail') ? 'owner' : of('greedy');
    const begun = await Promise.all([begin(url, path, sub), begin(url, path, sub), begin(url, path, sub)]);
    const open = new Set(begun);
    const answers: unknown[] = [];
    for (const one of begun)
      refused(one).then(
        (answer) => {
          open.delete(one);
          answers.push(answer);
        },
        () => undefined,
      );
    await retry(async () =>
      expect(answers).toEqual([
        [503, '1'],
        [503, '1'],
      ]),
    );
    const register = async (caller: string) => {
      const id = encodeURIComponent(of(caller)).replaceAll('%', '-');
      return end(
        await begin(url, `/api/files/${id}/batches`, of(caller)),
        `","batches":[{"batchId":"${id}"}]}`,
      );
    };
    expect(await register('first')).toBe(201);

    for (const one of open) one.destroy();
    // What has ended takes nothing.
    await retry(async () => expect(await register('greedy')).toBe(201));
  },
);

test('the bodies of several callers have a bound together', async () => {
  const { url } = await startTestGateway(SETTINGS);
  const begun = await Promise.all(['a', 'b', 'c'].map((sub) => begin(url, '/api/updates', sub)));
  expect(await Promise.any(begun.map(refused))).toEqual([503, '1']);
});

test('callers that take all that they get leave room for another', async () => {
  const callers = new Map<IncomingMessage, string>();
  const bodies = new Bodies({ MAX_BODY_BYTES: 64, MAX_BODIES_BYTES: 64 }, (req) => callers.get(req) ?? '');
  const readAll = async (caller: string, bytes: number): Promise<number> => {
    let read = 0;
    async function* body() {
      for (; read < bytes; read++) yield Buffer.from('x');
    }
    const request = Object.assign(Readable.from(body(), { highWaterMark: 1 }), { headers: {} });
    callers.set(request as unknown as IncomingMessage, caller);
    await bodies.read(request as unknown as IncomingMessage, new EventEmitter() as ServerResponse);
    return read;
  };
  // Each of them sends what is taken, over and over.
  for (const caller of ['a', 'b', 'c']) for (;;) if (!(await readAll(caller, 1).catch(() => 0))) break;
  expect(await readAll('d', 4)).toBe(4);
});

test('what is submitted counts until the validator has answered, whether its caller waits or not', async () => {
  const asked: IncomingMessage[] = [];
  const validator = await listen(createServer((req) => void asked.push(req.resume())));
  const { url } = await startTestGateway({ ...SETTINGS, VALIDATOR_URL: validator.url });
  const gone = await begin(url, '/api/files/f/validations', 'a');
  gone.end('","emails":["jane@example.com"]}');
  await retry(async () => expect(asked).toHaveLength(1));
  gone.destroy();
  await new Promise((closed) => gone.once('close', closed));
  expect(await refused(await begin(url, '/api/files/g/validations', 'a'))).toEqual([503, '1']);
  validator.server.closeAllConnections();
  await retry(async () =>
    expect(await end(await begin(url, '/api/files/h/batches', 'a'), '","batches":[{"batchId":"b"}]}')).toBe(
      201,
    ),
  );
});
