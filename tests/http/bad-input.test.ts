import { expect, test } from '@jest/globals';
import { CASES, SECRET } from './bad-input.js';
import { call, type Json, result, seed, startApp } from './harness.js';

test('each bad input has a clear answer that names the field and repeats nothing', async () => {
  const app = await startApp();
  await seed(app, 'f', [result(SECRET)]);
  const wrong: unknown[] = [];
  for (const {
    name,
    method = 'GET',
    path,
    body,
    status = 400,
    code = 'invalid_request',
    fields = [],
  } of CASES) {
    const answer = await call(app, method, path, body);
    const named = (answer.json?.errors ?? []).map(({ field }: Json) => field);
    const seen = { status: answer.status, code: answer.json?.code, fields: [...new Set(named)] };
    try {
      expect(seen).toEqual({ status, code, fields });
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
      expect(answer.json).toMatchObject({
        type: `urn:verigate:problem:${code}`,
        status,
        title: expect.any(String),
      });
      expect(answer.text).not.toMatch(/victim|node_modules|at .*\.js/);
      expect(answer.text.length).toBeLessThan(2000);
    } catch {
      wrong.push({ name, seen, text: answer.text.slice(0, 300) });
    }
  }
  expect(wrong).toEqual([]);
  expect(app.log.join('')).not.toMatch(/victim/);
  expect(app.log.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
});

test('an internal failure is answered without its cause, and logged without its message', async () => {
  const broken = async (): Promise<never> => {
    throw new SyntaxError(`Unexpected token in "${SECRET}"`, { cause: new Error(SECRET) });
  };
  const app = await startApp({ snapshots: { stats: broken, snapshot: broken, page: broken } });
  const answer = await call(app, 'GET', `/api/files/${SECRET}/emails?email=${SECRET}`);
  expect(answer.status).toBe(500);
  expect(answer.json).toEqual({
    type: 'urn:verigate:problem:internal',
    title: 'Something went wrong here',
    status: 500,
    detail: 'Something went wrong here',
    code: 'internal',
  });
  const logged = app.log.find((line) => line.includes('request failed')) ?? '';
  expect(JSON.parse(logged)).toMatchObject({ err: { name: 'SyntaxError', cause: { name: 'Error' } } });
  expect(logged).toMatch(/bad-input\.test/);
  expect(app.log.join('')).not.toMatch(/victim/);
});
