import { beforeEach, describe, expect, it } from '@jest/globals';
import { expectDocumented } from '../support/documented.js';
import { eventually } from '../support/eventually.js';
import { startTestGateway } from '../support/gateway.js';
import { message } from '../support/producer.js';
import { answerTo, requestText } from '../support/raw-http.js';
import { plainResults } from '../support/results.js';
import { JWT, tokenOf } from '../support/tokens.js';

let url = '';
const tokens = { producer: '', jane: '', joe: '', named: '', admin: '', scopeless: '' };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked into freely here
  readonly body: any;
}

async function call(token: string | null, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  expectDocumented(method, response.url, { status: response.status, headers: response.headers, text });
  const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

/** Registers a batch with a result for a file of a user, as its producer does. */
async function fileOf(userId: string | undefined, fileId: string): Promise<void> {
  const batchId = `batch of ${fileId}`;
  const batches = [{ batchId, totalEmails: 3 }];
  const registered = await call(tokens.producer, 'POST', `/api/files/${fileId}/batches`, { userId, batches });
  expect(registered.status).toBe(201);
  const update = message(batchId, plainResults(fileId, 3), { isComplete: true });
  expect((await call(tokens.producer, 'POST', '/api/updates', update)).status).toBe(202);
}

beforeEach(async () => {
  ({ url } = await startTestGateway(JWT));
  tokens.producer = await tokenOf({ sub: 'producer', scope: 'ingest' });
  tokens.jane = await tokenOf({ sub: 'jane', scope: 'read ingest' });
  tokens.joe = await tokenOf({ sub: 'joe', scope: 'read ingest' });
  tokens.named = await tokenOf({ sub: 'guest', scope: 'read', files: ['hers', 'to come'] });
  tokens.admin = await tokenOf({ sub: 'root', scope: 'admin' });
  tokens.scopeless = await tokenOf({ sub: 'jane', files: '*' });
});

const READING = [
  ['GET', ''],
  ['GET', '/stats'],
  ['GET', '/emails'],
  ['GET', '/emails?status=risky&email=a&page=2'],
  ['GET', '/breakdown?by=domain'],
  ['GET', '/breakdown?by=score'],
  ['GET', '/batches'],
  ['GET', '/export'],
  ['GET', '/export?format=ndjson'],
  ['HEAD', '/export'],
] as const;
const WRITING = [
  ['POST', '/api/updates'],
  ['POST', '/api/files/hers/batches'],
  ['POST', '/api/files/hers/validations'],
  ['POST', '/api/files/hers/batches/b/fail'],
  ['DELETE', '/api/files/hers'],
] as const;

describe('without a good token', () => {
  it('every call is unauthorized, and says what is wanted', async () => {
    await fileOf('jane', 'hers');
    const calls = [
      ...READING.map(([method, path]) => [method, `/api/files/hers${path}`] as const),
      ...WRITING,
      ['GET', '/api/files'],
      ['GET', '/api/dead-letters'],
      ['GET', '/api/nothing'],
    ] as const;
    for (const [method, path] of calls) {
      const { status, headers, body } = await call(null, method, path);
      expect([path, status]).toEqual([path, 401]);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="verigate"');
      if (method !== 'HEAD') expect(body).toMatchObject({ status: 401, code: 'unauthorized' });
    }
    const expired = await tokenOf({ sub: 'jane', scope: 'admin', exp: 1_000_000 });
    for (const token of ['nonsense', expired]) {
      const { status, headers } = await call(token, 'GET', '/api/files/hers');
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toMatch(/^Bearer realm="verigate", error="invalid_token", /);
    }
  });

  it('is none in a URL, a cookie, a body, or under another scheme', async () => {
    await fileOf('jane', 'hers');
    const { jane } = tokens;
    for (const path of ['hers?token=', 'hers?access_token=', 'hers?authorization=Bearer%20'])
      expect((await call(null, 'GET', `/api/files/${path}${jane}`)).status).toBe(401);
    for (const headers of [
      { cookie: `token=${jane}` },
      { authorization: jane },
      { authorization: `Basic ${jane}` },
      { authorization: `Bearer ${jane} ${jane}` },
      { 'x-authorization': `Bearer ${jane}` },
    ])
      expect((await fetch(`${url}/api/files/hers`, { headers })).status).toBe(401);
    // A proxy might have checked the other one.
    for (const second of [jane, tokens.joe]) {
      const headers = [jane, second].map((token) => `Authorization: Bearer ${token}`);
      const text = requestText('GET', '/api/files/hers', { headers });
      expect((await answerTo(url, text)).status).toBe(401);
    }
    expect((await call(jane, 'GET', '/api/files/hers')).status).toBe(200);
  });

  it('says how it is and what it offers all the same', async () => {
    for (const path of [
      '/livez',
      '/readyz',
      '/',
      '/client/index.js',
      '/api/openapi.json',
      '/api/asyncapi.json',
    ])
      expect([path, (await call(null, 'GET', path)).status]).toEqual([path, 200]);
  });
});

describe('the sums of files', () => {
  it('have the files that the caller may see, and no others', async () => {
    await fileOf('jane', 'hers');
    await fileOf('joe', 'his');
    const totalFor = async (token: string) => {
      const { body } = await call(token, 'GET', '/api/stats');
      return [body.files.total, body.progress.processed];
    };
    await eventually('both files are counted', async () => (await totalFor(tokens.admin))[1] === 6);
    expect(await totalFor(tokens.jane)).toEqual([1, 3]);
    expect(await totalFor(tokens.named)).toEqual([1, 3]);
    expect(await totalFor(await tokenOf({ sub: 'new', scope: 'read' }))).toEqual([0, 0]);
    expect((await call(tokens.producer, 'GET', '/api/stats')).status).toBe(403);
    expect((await call(null, 'GET', '/api/stats')).status).toBe(401);
  });
});

describe('a file', () => {
  it('is there for its owner, for those who name it, and for admins', async () => {
    await fileOf('jane', 'hers');
    for (const token of [tokens.jane, tokens.named, tokens.admin])
      for (const [method, path] of READING)
        expect((await call(token, method, `/api/files/hers${path}`)).status).toBe(200);
  });

  it('looks for all others as if it did not exist', async () => {
    await fileOf('jane', 'hers');
    for (const [method, path] of READING) {
      const hidden = await call(tokens.joe, method, `/api/files/hers${path}`);
      const missing = await call(tokens.joe, method, `/api/files/none${path}`);
      expect(hidden.status).toBe(404);
      expect([hidden.status, hidden.body]).toEqual([missing.status, missing.body]);
      if (method !== 'HEAD') expect(hidden.body.code).toBe('file_not_found');
    }
    for (const id of ['hers%20', '%20hers', 'HERS', 'her%CD%8Fs', 'ｈers', '__proto__', 'constructor', '*'])
      expect((await call(tokens.joe, 'GET', `/api/files/${id}`)).body).toMatchObject({
        code: 'file_not_found',
      });
  });

  it('is not deleted, nor replaced by a submission, by those who do not see it', async () => {
    await fileOf('jane', 'hers');
    const list = { emails: ['a@example.com'] };
    for (const [method, path, body] of [
      ['DELETE', '', undefined],
      ['POST', '/validations', list],
    ] as const) {
      const { status, body: answer } = await call(tokens.joe, method, `/api/files/hers${path}`, body);
      expect([status, answer.code]).toEqual([404, 'file_not_found']);
    }
    expect((await call(tokens.jane, 'GET', '/api/files/hers/emails')).body.pagination.total).toBe(3);
    expect((await call(tokens.joe, 'POST', '/api/files/his/validations', list)).body.code).toBe(
      'validator_not_configured',
    );
    expect((await call(tokens.jane, 'DELETE', '/api/files/hers')).status).toBe(204);
  });

  it('belongs to its producer where the registration names no user; else the producer does not see it', async () => {
    await fileOf(undefined, 'own');
    const producer = await tokenOf({ sub: 'producer', scope: 'read' });
    expect((await call(producer, 'GET', '/api/files/own')).status).toBe(200);
    await fileOf('jane', 'hers');
    expect((await call(producer, 'GET', '/api/files/hers')).status).toBe(404);
  });

  it('that is not registered belongs to the user who sent it', async () => {
    const update = message('b', plainResults('x', 1), { fileId: 'sent', isComplete: true });
    expect((await call(tokens.producer, 'POST', '/api/updates', update)).status).toBe(202);
    for (const token of [tokens.jane, tokens.joe])
      expect((await call(token, 'GET', '/api/files/sent')).status).toBe(404);
    for (const token of [tokens.admin, await tokenOf({ sub: 'producer', scope: 'read' })])
      expect((await call(token, 'GET', '/api/files/sent')).status).toBe(200);
  });
});

describe('a scope that is missing', () => {
  it('is forbidden, and named', async () => {
    await fileOf('jane', 'hers');
    const cases = [
      ...READING.map(
        ([method, path]) => [tokens.scopeless, method, `/api/files/hers${path}`, 'read'] as const,
      ),
      [tokens.scopeless, 'GET', '/api/files', 'read'],
      ...WRITING.map(([method, path]) => [tokens.named, method, path, 'ingest'] as const),
      [tokens.jane, 'GET', '/api/dead-letters', 'admin'],
      [tokens.jane, 'POST', '/api/dead-letters/x/replay', 'admin'],
    ] as const;
    for (const [token, method, path, scope] of cases) {
      const { status, headers, body } = await call(token, method, path, method === 'POST' ? {} : undefined);
      expect([method, path, status]).toEqual([method, path, 403]);
      expect(headers.get('www-authenticate')).toMatch(/error="insufficient_scope"/);
      if (method !== 'HEAD')
        expect(body).toMatchObject({ code: 'forbidden', detail: expect.stringContaining(`"${scope}"`) });
    }
  });
});

describe('the list of files', () => {
  it('has what one may see, newest first, page by page', async () => {
    for (let n = 0; n < 12; n++) await fileOf(n % 3 === 0 ? 'jane' : 'joe', `f${n}`);
    await fileOf('jane', 'hers');
    const listed = async (token: string) => {
      const ids: string[] = [];
      for (let cursor = ''; ; ) {
        const { body } = await call(token, 'GET', `/api/files?limit=2${cursor}`);
        ids.push(...body.items.map(({ fileId }: { fileId: string }) => fileId));
        if (body.nextCursor === null) return ids;
        expect(body.items).toHaveLength(2);
        cursor = `&cursor=${body.nextCursor}`;
      }
    };
    expect(await listed(tokens.jane)).toEqual(['hers', 'f9', 'f6', 'f3', 'f0']);
    expect(await listed(tokens.joe)).toEqual(['f11', 'f10', 'f8', 'f7', 'f5', 'f4', 'f2', 'f1']);
    expect(await listed(tokens.named)).toEqual(['hers']);
    expect(await listed(await tokenOf({ sub: 'jane', scope: 'read', files: ['f1', 'f3'] }))).toEqual([
      'hers',
      'f9',
      'f6',
      'f3',
      'f1',
      'f0',
    ]);
    expect(await listed(tokens.admin)).toHaveLength(13);
    expect(await listed(await tokenOf({ sub: 'x', scope: 'read' }))).toEqual([]);
  });
});

describe('an uploaded list', () => {
  const LIST = 'ann@example.com\nbob@example.com\n';
  const upload = (token: string | null) => call(token, 'POST', '/api/lists?name=a.txt', LIST);

  it("is its uploader's alone", async () => {
    const uploaded = await upload(tokens.jane);
    expect(uploaded.status).toBe(201);
    const path = `/api/lists/${uploaded.body.listId}`;
    for (const token of [tokens.joe, tokens.admin, tokens.producer])
      for (const method of ['GET', 'DELETE'])
        expect(await call(token, method, path)).toMatchObject({
          status: 404,
          body: { code: 'list_not_found' },
        });
    expect((await call(tokens.jane, 'GET', path)).body).toEqual(uploaded.body);
    expect((await call(tokens.jane, 'DELETE', path)).status).toBe(204);
    expect((await call(tokens.jane, 'GET', path)).status).toBe(404);
  });

  it('needs the scope of those who submit', async () => {
    expect((await upload(null)).status).toBe(401);
    for (const token of [tokens.scopeless, tokens.named])
      expect(await upload(token)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect((await call(tokens.named, 'GET', '/api/lists/x')).status).toBe(403);
  });
});
