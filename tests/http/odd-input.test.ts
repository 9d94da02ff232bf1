import { expect, test } from '@jest/globals';
import { call, type Json, result, seed, startApp } from './harness.js';

test('odd ids are ids like any other', async () => {
  const app = await startApp();
  const ids = [
    'a/b',
    '..',
    '.',
    '50%',
    '%2F',
    'ünï çødé',
    '🙂',
    '\u202eevil',
    "'; DROP TABLE files; --",
    '__proto__',
    'a b+c',
    '?x#y',
  ];
  for (const id of ids) {
    const path = `/api/files/${encodeURIComponent(id).replaceAll('.', '%2E')}`;
    const registered = await call(app, 'POST', `${path}/batches`, {
      batches: [{ batchId: `b ${id}`, totalEmails: 1 }],
    });
    // Clients take `%2E%2E` for `..` and resolve it: such an id can be registered only from the body of an update.
    if (/^\.+$/.test(id)) continue;
    expect([id, registered.status]).toEqual([id, 201]);
    expect(registered.json.fileId).toBe(id);
    const failed = await call(app, 'POST', `${path}/batches/${encodeURIComponent(`b ${id}`)}/fail`, {
      reason: 'gone',
    });
    expect(failed.json).toMatchObject({ fileId: id, status: 'failed' });
    expect((await call(app, 'GET', `${path}/stats`)).json.fileId).toBe(id);
    expect((await call(app, 'DELETE', path)).status).toBe(204);
  }
});

test('odd addresses come back unchanged', async () => {
  const app = await startApp({ config: { MAX_UPDATE_BYTES: 8 * 1024 * 1024 } });
  const emails = [
    '',
    ' ',
    '\0',
    'a\r\nb@c',
    '\u202emoc.elpmaxe@a',
    '🙂@exämple.com',
    '"a,b"@c',
    '=1+1',
    'x'.repeat(2_000_000),
  ];
  await seed(
    app,
    'f',
    [...emails, '\ud800@c'].map((email) => result(email)),
  );
  const { json } = await call(app, 'GET', '/api/files/f/emails');
  expect(json.emails.map(({ email }: Json) => email)).toEqual([...emails, '\ufffd@c']);
  const found = await call(app, 'GET', `/api/files/f/emails?email=${encodeURIComponent('a\r\n')}`);
  // Trimmed, it is the start of one address and of the domain of another.
  expect(found.json.emails.map(({ email }: Json) => email)).toEqual(['a\r\nb@c', '\u202emoc.elpmaxe@a']);
});

test('a prefix is matched in any case, and a plus is a space unless it is encoded', async () => {
  const app = await startApp();
  await seed(
    app,
    'f',
    ['Jane+news@x', 'jane news@x', 'janet@x'].map((email) => result(email)),
  );
  const found = async (query: string) =>
    (await call(app, 'GET', `/api/files/f/emails?${query}`)).json.emails.map(({ email }: Json) => email);
  expect(await found('email=JANE%2B')).toEqual(['Jane+news@x']);
  expect(await found('email=jane+n')).toEqual(['jane news@x']);
  expect(await found('email=')).toHaveLength(3);
  expect(await found('email=%25')).toEqual([]);
  expect(await found('email=jane_')).toEqual([]);
});
