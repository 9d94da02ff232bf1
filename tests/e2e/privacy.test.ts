import { expect, test } from '@jest/globals';
import { type GatewayProcess, spawnGateway } from '../support/gateway.js';
import { message } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { ask, connect } from '../support/socket.js';
import { JWT, tokenOf } from '../support/tokens.js';

const CANARY = 'canary-4e1f9';
const SECRET_SUB = 'sub-7c2a1';

/** The engines to test, with their settings. */
const ENGINES: Record<string, () => Promise<NodeJS.ProcessEnv>> = {
  embedded: async () => ({}),
};
/** Levels below `info` are not tested: the test needs the line `listening`. */
const LEVELS = ['info', 'debug', 'trace'];

/** Calls every REST route and socket event with addresses and tokens, valid and invalid. */
async function visit(gateway: GatewayProcess, said: string[]): Promise<void> {
  const token = await tokenOf({ sub: SECRET_SUB, scope: 'admin' });
  const call = async (method: string, path: string, body?: unknown, bearer = token) => {
    const headers = { authorization: `Bearer ${bearer}`, [`x-${CANARY}`]: CANARY };
    const content = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${gateway.url}${path}`, { method, headers, body: content ?? null });
    const text = await response.text();
    if (response.status >= 400) said.push(text);
    return response.status;
  };
  const results = plainResults(CANARY, 5);
  expect(await call('POST', '/api/updates', message('b', results, { fileId: 'f', isComplete: true }))).toBe(
    202,
  );
  for (const path of [
    '',
    '/stats',
    '/emails',
    `/emails?email=${CANARY}`,
    '/export',
    '/export?format=ndjson',
    '/batches',
  ])
    expect(await call('GET', `/api/files/f${path}`)).toBe(200);
  for (const body of [
    `{"email":"${CANARY}`,
    [CANARY],
    { batchId: CANARY, validatedEmails: CANARY },
    { [CANARY]: 1 },
  ])
    for (const path of [
      '/api/updates',
      '/api/files/f/batches',
      '/api/files/f/validations',
      '/api/files/f/batches/b/fail',
    ])
      expect(await call('POST', path, body)).toBeGreaterThanOrEqual(400);
  for (const path of [
    `/${CANARY}`,
    `/api/${CANARY}`,
    `/api/files/f/emails?status=${CANARY}`,
    `/api/files?cursor=${CANARY}`,
  ])
    expect(await call('GET', path)).toBeGreaterThanOrEqual(400);
  for (const bearer of [CANARY, `${token}${CANARY}`, await tokenOf({ sub: CANARY, files: 7 })])
    expect(await call('GET', '/api/files/f', undefined, bearer)).toBe(401);
  expect(await call('GET', '/api/files', undefined, await tokenOf({ sub: CANARY }))).toBe(403);

  const list = `${CANARY};E-Mail\n${CANARY};${CANARY}@example.com\n`;
  expect(await call('POST', `/api/lists?name=${CANARY}.csv`, list)).toBe(201);
  for (const body of [
    CANARY,
    `\0${CANARY}`,
    `n,e\n"${CANARY}@example.com`,
    `${CANARY}@x${CANARY.repeat(20_000)}`,
  ])
    expect(await call('POST', `/api/lists?name=${CANARY}`, body)).toBeGreaterThanOrEqual(400);
  expect(await call('POST', `/api/lists?name=%00${CANARY}`, list)).toBe(400);
  expect(await call('GET', `/api/lists/${CANARY}`)).toBe(404);

  const refused = await connect(gateway.url, { auth: { token: CANARY } }).catch((error: Error) => error);
  said.push(String(refused), JSON.stringify(refused));
  const socket = await connect(gateway.url, { auth: { token } });
  for (const [event, request] of [
    ['subscribe', { fileId: `${CANARY}\n` }],
    ['subscribe', { fileId: 'f', since: CANARY }],
    ['refresh', { token: CANARY }],
    [CANARY, CANARY],
  ] as const)
    said.push(JSON.stringify(await ask(socket, event, request)));
  await ask(socket, 'subscribe', { fileId: 'f' });
  expect(await call('DELETE', '/api/files/f')).toBe(204);
}

test.each(Object.keys(ENGINES).flatMap((engine) => LEVELS.map((level) => [engine, level] as const)))(
  'nothing personal leaves the %s engine beside its answers, at the level %s',
  async (engine, level) => {
    const settings = await ENGINES[engine]?.();
    const gateway = await spawnGateway({ ...JWT, ...settings, LOG_LEVEL: level });
    const said: string[] = [];
    await visit(gateway, said);
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(said.length).toBeGreaterThan(20);
    const output = [...gateway.log, ...gateway.complaints, ...said].join('\n');
    for (const secret of [CANARY, SECRET_SUB, JWT.JWT_SECRET]) expect(output).not.toContain(secret);
    expect(gateway.complaints).toEqual([]);
  },
);
