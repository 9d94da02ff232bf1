/** A file that another user begins, under the same id, while a list is on its way to it: neither gets anything of the other. */
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { Guard } from '../../src/auth/guard.js';
import { createTokens } from '../../src/auth/tokens.js';
import { readConfig } from '../../src/config.js';
import { VALIDATOR } from '../../src/domain/ownership.js';
import { createValidator } from '../../src/validator/validator.js';
import { startApp, type TestApp } from '../http/harness.js';
import { ask, emailsOf } from '../support/slice-validator.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { always, standIn } from '../validator/stand-in.js';

interface Users {
  readonly app: TestApp;
  /** Uploads the addresses, and submits the list as the file `f`. */
  submit(who: object, name: string): ReturnType<typeof ask>;
  readonly jane: object;
  readonly joe: object;
  /** Called once, after a caller was found to be allowed to do something to the file. */
  allowed: () => Promise<unknown>;
}

/** The validator refuses the gateway's key: each list is written down, and stopped before its first slice is accepted. */
async function startUsers(): Promise<Users> {
  const { url } = await standIn(always(403, {}));
  const settings = { ...readConfig({ VALIDATOR_URL: url, VALIDATOR_API_KEY: 'k' }), VALIDATOR_URL: url };
  const validator = createValidator(settings, pino({ level: 'silent' }));
  const users = {
    find: async (fileId: string) => {
      const facts = await app.deps.store.files.find(fileId);
      const { allowed } = found;
      found.allowed = async () => undefined;
      await allowed();
      return facts;
    },
  };
  const guard = new Guard(createTokens(readConfig(JWT)), users, { check: async () => undefined });
  const app = await startApp({ guard, validator });
  const as = async (sub: string, files: string[] = []) => ({
    authorization: `Bearer ${await tokenOf({ sub, files, scope: 'read ingest' })}`,
  });
  const submit = async (who: object, name: string) => {
    const rows = [`${name},address`, ...emailsOf(3).map((email) => `${name}'s,${name}.${email}`)].join('\n');
    const { json } = await ask(app.url, 'POST', '/lists', rows, who);
    return ask(app.url, 'POST', '/files/f/validations', { listId: json.listId }, who);
  };
  const found: Users = {
    app,
    submit,
    jane: await as('jane'),
    // Nothing is looked up for him: a look-up in a look-up of the same file would wait for itself.
    joe: await as('joe', ['f']),
    allowed: async () => undefined,
  };
  return found;
}

test('a list is the request’s for which it was submitted, and does not take the place of another’s', async () => {
  const { app, submit, jane, joe } = await startUsers();
  const { lists } = app.deps.store;
  const attach = lists.attach.bind(lists);
  Object.assign(lists, {
    attach: async (...given: Parameters<typeof attach>) => {
      Object.assign(lists, { attach });
      await app.deps.intake.remove('f', VALIDATOR);
      expect((await submit(joe, 'joe')).status).toBe(202);
      return attach(...given);
    },
  });
  expect((await submit(jane, 'jane')).json.code).toBe('file_exists');
  const response = await fetch(`${app.url}/api/files/f/export?layout=original`, { headers: { ...joe } });
  const text = await response.text();
  expect(text).toMatch(/joe\.u0@x\.com/);
  expect(text).not.toMatch(/jane/);
});

test('a list is sent again for those only who may submit it', async () => {
  const users = await startUsers();
  const { app, submit, jane, joe } = users;
  expect((await submit(jane, 'jane')).status).toBe(202);
  const stopped = { error: 'validator_refused', submitted: 0, total: 3, uncertain: 0 };
  const progress = async () => (await app.deps.store.files.find('f'))?.submission;
  users.allowed = async () => {
    await app.deps.intake.remove('f', VALIDATOR);
    expect((await submit(joe, 'joe')).status).toBe(202);
    expect(await progress()).toEqual(stopped);
  };
  const again = (who: object) => ask(app.url, 'POST', '/files/f/validations/retry', undefined, who);
  const { status, json } = await again(jane);
  expect([status, json.code]).toEqual([404, 'file_not_found']);
  expect(await progress()).toEqual(stopped);
  expect((await again(joe)).status).toBe(202);
});
