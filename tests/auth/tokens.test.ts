import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  exportSPKI,
  generateKeyPair,
  importPKCS8,
  type JWK,
  SignJWT,
} from 'jose';
import { createTokens } from '../../src/auth/tokens.js';
import { Fault } from '../../src/errors.js';
import { SECRET, tokenOf } from '../support/tokens.js';
import { keyServer } from './key-server.js';

const now = () => Math.floor(Date.now() / 1000);
const bySecret = createTokens({ JWT_SECRET: SECRET });

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'taken';
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token signed with the secret', () => {
  it('says who it is of, what they may do, and until when', async () => {
    const exp = now() + 60;
    const token = await tokenOf({ sub: 'jane', files: ['a', 'b'], scope: 'read  ingest boss', iat: 5, exp });
    expect(await bySecret.verify(token)).toEqual({
      sub: 'jane',
      files: new Set(['a', 'b']),
      scopes: new Set(['read', 'ingest']),
      issuedAt: 5000,
      expiresAt: exp * 1000,
    });
    const all = await bySecret.verify(await tokenOf({ sub: 'jane', files: '*' }));
    expect([all.files, all.scopes.size, all.issuedAt]).toEqual(['*', 0, null]);
  });

  it.each([
    ['no sub', { sub: undefined }],
    ['a sub that is a number', { sub: 7 }],
    ['an iat that is a text', { iat: '7' }],
    ['a sub with a line break', { sub: 'jane\nX-Admin: 1' }],
    ['an empty sub', { sub: '' }],
    ['one file in place of a list', { files: 'f' }],
    ['files that are objects', { files: [{ $gt: '' }] }],
    ['files that are an object', { files: { length: 1, 0: 'f' } }],
    ['a scope that is a list', { scope: ['admin'] }],
    ['no exp', { exp: undefined }],
    ['an exp that is a text', { exp: '9999999999' }],
    ['an exp of this moment', { exp: now() }],
    ['an exp long ago', { exp: now() - 3600 }],
    ['an nbf to come', { nbf: now() + 60 }],
    ['an iat to come', { iat: now() + 60 }],
    ['an iat beyond all dates', { iat: 1e15 }],
  ])('is refused with %s', async (_, claims) => {
    expect(await codeOf(bySecret.verify(await tokenOf({ sub: 'jane', ...claims })))).toBe('unauthorized');
  });

  it('may be a little early, where clocks differ', async () => {
    for (const claims of [{ nbf: now() + 2 }, { iat: now() + 2 }])
      expect(await codeOf(bySecret.verify(await tokenOf({ sub: 'jane', ...claims })))).toBe('taken');
  });

  it('lives on where its end is beyond all dates', async () => {
    const { expiresAt } = await bySecret.verify(await tokenOf({ sub: 'jane', exp: 1e15 }));
    expect(new Date(expiresAt ?? 0).getUTCFullYear()).toBe(275_760);
  });

  it('is refused where it is signed with another secret, altered, unsigned or no token', async () => {
    const token = await tokenOf({ sub: 'jane', scope: 'read' });
    const [head, , signature] = token.split('.');
    const admin = base64({ sub: 'jane', scope: 'admin', exp: now() + 60 });
    const none = (alg: string) => `${base64({ alg })}.${admin}.`;
    for (const bad of [
      await tokenOf({ sub: 'jane' }, `${SECRET}.`),
      `${head}.${admin}.${signature}`,
      `${head}.${admin}.`,
      none('none'),
      none('None'),
      none('HS256'),
      `${base64({ alg: 'HS256', crit: ['x'], x: 1 })}.${admin}.${signature}`,
      '',
      'jane',
      '..',
      `${token}.x`,
      `${token}\n`,
      `${token}${'x'.repeat(20_000)}`,
    ])
      expect(await codeOf(bySecret.verify(bad))).toBe('unauthorized');
  });

  it('is refused with another hash, even under the same secret', async () => {
    for (const alg of ['HS384', 'HS512']) {
      const token = await new SignJWT({ sub: 'jane', exp: now() + 60 })
        .setProtectedHeader({ alg })
        .sign(new TextEncoder().encode(SECRET));
      expect(await codeOf(bySecret.verify(token))).toBe('unauthorized');
    }
  });

  it('has to name the issuer and the audience that are set', async () => {
    const tokens = createTokens({ JWT_SECRET: SECRET, JWT_ISSUER: 'us', JWT_AUDIENCE: 'verigate' });
    const code = async (claims: object) => codeOf(tokens.verify(await tokenOf({ sub: 'jane', ...claims })));
    expect(await code({ iss: 'us', aud: 'verigate' })).toBe('taken');
    expect(await code({ iss: 'us', aud: ['mail', 'verigate'] })).toBe('taken');
    for (const claims of [
      { iss: 'us' },
      { aud: 'verigate' },
      { iss: 'them', aud: 'verigate' },
      { iss: 'us', aud: 'mail' },
    ])
      expect(await code(claims)).toBe('unauthorized');
  });

  it('is never repeated by the refusal', async () => {
    const token = await tokenOf({ sub: 'canary', aud: 'canary', scope: 7 });
    await expect(bySecret.verify(token)).rejects.toThrow(/^(?!.*canary).*$/);
  });
});

describe('a token signed with a published key', () => {
  const claims = { sub: 'jane', iss: 'us', aud: 'verigate', scope: 'read' };
  const settings = { JWT_ISSUER: 'us', JWT_AUDIENCE: 'verigate' };
  const sign = (alg: string, key: CryptoKey, header: object = {}) =>
    new SignJWT({ ...claims, exp: now() + 60 }).setProtectedHeader({ alg, kid: 'k1', ...header }).sign(key);

  it.each(['RS256', 'ES256', 'EdDSA'])('is taken: %s', async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const keys = await keyServer([{ ...(await exportJWK(publicKey)), kid: 'k1', alg }]);
    const tokens = createTokens({ ...settings, JWKS_URL: keys.url });
    const token = await sign(alg, privateKey);
    expect((await tokens.verify(token)).sub).toBe('jane');
    expect((await tokens.verify(token)).scopes).toEqual(new Set(['read']));
    expect(keys.asked()).toBe(1);
    const { privateKey: other } = await generateKeyPair(alg);
    expect(await codeOf(tokens.verify(await sign(alg, other)))).toBe('unauthorized');
  });

  it('is not taken with the public key as a secret, nor with another algorithm', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const keys = await keyServer([{ ...(await exportJWK(publicKey)), kid: 'k1' }]);
    const tokens = createTokens({ ...settings, JWKS_URL: keys.url });
    const body = `${base64({ alg: 'HS256', kid: 'k1' })}.${base64({ ...claims, exp: now() + 60 })}`;
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(await exportJWK(publicKey))]) {
      const forged = `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
      expect(await codeOf(tokens.verify(forged))).toBe('unauthorized');
    }
    expect(await codeOf(tokens.verify(await tokenOf(claims)))).toBe('unauthorized');
    expect(await codeOf(tokens.verify(await sign('RS256', privateKey)))).toBe('taken');
  });

  it('is not taken unsigned, with an algorithm that is not ours, or by a key that is for another one', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const verdict = async (key: JWK, token: string) => {
      const { url } = await keyServer([{ ...key, kid: 'k1' }]);
      return codeOf(createTokens({ ...settings, JWKS_URL: url }).verify(token));
    };
    const pkcs8 = await exportPKCS8(privateKey);
    const signed = async (alg: string) => sign(alg, await importPKCS8(pkcs8, alg));
    for (const alg of ['RS384', 'RS512', 'PS256', 'PS512'])
      expect([alg, await verdict(jwk, await signed(alg))]).toEqual([alg, 'unauthorized']);
    const body = base64({ ...claims, exp: now() + 60 });
    for (const alg of ['none', 'None', 'RS256'])
      for (const signature of ['', 'AA'])
        expect(await verdict(jwk, `${base64({ alg, kid: 'k1' })}.${body}.${signature}`)).toBe('unauthorized');

    const token = await signed('RS256');
    expect(await verdict(jwk, token)).toBe('taken');
    for (const alg of ['PS256', 'RS512', 'HS256', 'none'])
      expect([alg, await verdict({ ...jwk, alg }, token)]).toEqual([alg, 'unauthorized']);
    expect(await verdict({ ...jwk, use: 'enc' }, token)).toBe('unauthorized');
    const ec = await generateKeyPair('ES256', { extractable: true });
    expect(await verdict(await exportJWK(ec.publicKey), token)).toBe('unauthorized');
    // A secret has no place among published keys.
    const k = Buffer.from(SECRET).toString('base64url');
    expect(await verdict({ kty: 'oct', k, alg: 'HS256' }, await tokenOf(claims))).toBe('unauthorized');
  });

  it('is checked by our keys, wherever it points', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const evil = await keyServer([{ ...(await exportJWK(publicKey)), kid: 'k1' }]);
    const ours = await generateKeyPair('ES256', { extractable: true });
    const keys = await keyServer([{ ...(await exportJWK(ours.publicKey)), kid: 'k1' }]);
    const tokens = createTokens({ ...settings, JWKS_URL: keys.url });
    const jwk = await exportJWK(publicKey);
    for (const header of [
      { jku: evil.url },
      { jwk },
      { kid: evil.url, jku: evil.url },
      { kid: '../../../dev/null' },
      { kid: "' or 1=1" },
      { x5u: evil.url },
    ])
      expect(await codeOf(tokens.verify(await sign('ES256', privateKey, header)))).toBe('unauthorized');
    expect(evil.asked()).toBe(0);
    // Unknown names of keys do not make them be fetched each time.
    expect(keys.asked()).toBe(1);
  });

  it('is taken by a good key, whatever stands beside it', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const { publicKey: other } = await generateKeyPair('ES256', { extractable: true });
    const good = { ...(await exportJWK(publicKey)), kid: 'k1' };
    const broken = { ...good, x: 'AA' };
    const token = await sign('ES256', privateKey);
    for (const beside of [
      [null, 7, 'k1', [], {}],
      [{ kid: 'k1' }, { kty: 'EC', kid: 'k1' }, { kty: 'none', kid: 'k1' }],
      [broken, { ...good, y: null }],
      [{ ...(await exportJWK(other)), kid: 'k1' }],
      Array.from({ length: 500 }, (_, n) => ({ ...good, kid: `other ${n}` })),
    ]) {
      const { url } = await keyServer([...beside, good, ...beside] as JWK[]);
      expect(await codeOf(createTokens({ ...settings, JWKS_URL: url }).verify(token))).toBe('taken');
    }
    const { url } = await keyServer([null, broken] as unknown as JWK[]);
    expect(await codeOf(createTokens({ ...settings, JWKS_URL: url }).verify(token))).toBe('unauthorized');
  });

  it('finds no keys for now where they cannot be had, are too many, or make no sense', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const token = await sign('ES256', privateKey);
    const endless = await keyServer([], { padding: 2 ** 20 });
    const broken = await keyServer([], { status: 500 });
    const moved = await keyServer([], { status: 302, location: endless.url });
    for (const JWKS_URL of ['http://127.0.0.1:1/keys', endless.url, broken.url, moved.url])
      expect(await codeOf(createTokens({ ...settings, JWKS_URL }).verify(token))).toBe('unavailable');
    expect(endless.asked()).toBe(1);
  });

  it.each([
    ['answers with errors', { status: 500 }],
    ['has too many', { padding: 2 ** 20 }],
    ['has no keys in its answer', { text: '{}' }],
  ])('are not fetched for each token while their server %s', async (_, answer) => {
    const { privateKey } = await generateKeyPair('ES256');
    const token = await sign('ES256', privateKey);
    const keys = await keyServer([], answer);
    const tokens = createTokens({ ...settings, JWKS_URL: keys.url });
    // Once a second: on any machine fewer than there are tokens.
    for (let n = 0; n < 100; n++) expect(await codeOf(tokens.verify(token))).toBe('unavailable');
    expect(keys.asked()).toBeLessThan(50);
  });
});
