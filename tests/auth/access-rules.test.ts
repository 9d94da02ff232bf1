import { describe, expect, it } from '@jest/globals';
import { type Action, decideAccess } from '../../src/auth/access-rules.js';
import { type Principal, type Scope, UNAUTHENTICATED } from '../../src/auth/principal.js';

const who = (sub: string, scopes: readonly Scope[], files: readonly string[] | '*' = []): Principal => ({
  sub,
  files: files === '*' ? '*' : new Set(files),
  scopes: new Set(scopes),
  issuedAt: null,
  expiresAt: null,
});
const ALL: readonly Action[] = ['read', 'report', 'submit', 'end', 'remove', 'administer'];
const mine = { fileId: 'f', userId: 'me' };
const theirs = { fileId: 'f', userId: 'them' };
const unowned = { fileId: 'f', userId: null };
const unknown = { fileId: 'f', userId: undefined };

const decisions = (principal: Principal, action: Action) =>
  [mine, theirs, unowned, unknown].map((target) => decideAccess(principal, action, target));

describe('the access rules', () => {
  it('refuse every action without its scope, whoever owns the file', () => {
    const needs: Record<Action, Scope> = {
      read: 'read',
      report: 'ingest',
      submit: 'ingest',
      end: 'ingest',
      remove: 'ingest',
      administer: 'admin',
    };
    for (const action of ALL) {
      for (const scopes of [[], ['read'], ['ingest']] as const) {
        if ((scopes as readonly string[]).includes(needs[action])) continue;
        expect(new Set(decisions(who('me', scopes, '*'), action))).toEqual(new Set(['forbidden']));
        expect(decideAccess(who('me', scopes, '*'), action, null)).toBe('forbidden');
      }
    }
  });

  it('show a file to its owner only', () => {
    expect(decisions(who('me', ['read']), 'read')).toEqual(['granted', 'hidden', 'hidden', 'hidden']);
  });

  it('show a file that a token names, whether it exists or not', () => {
    for (const files of [['f'], '*'] as const)
      expect(new Set(decisions(who('x', ['read'], files), 'read'))).toEqual(new Set(['granted']));
    expect(new Set(decisions(who('x', ['read'], ['F', 'f ', 'g']), 'read'))).toEqual(new Set(['hidden']));
  });

  it('never take a file without an owner for that of a token without a sub', () => {
    const nameless = { ...who('', ['read']), sub: null };
    expect(decisions(nameless, 'read')).toEqual(['hidden', 'hidden', 'hidden', 'hidden']);
  });

  it('leave reports to the store, and let producers submit, end and remove only what they see', () => {
    const producer = who('me', ['ingest']);
    expect(new Set(decisions(producer, 'report'))).toEqual(new Set(['granted']));
    expect(decisions(producer, 'submit')).toEqual(['granted', 'hidden', 'hidden', 'granted']);
    for (const action of ['end', 'remove'] as const)
      expect(decisions(producer, action)).toEqual(['granted', 'hidden', 'hidden', 'hidden']);
  });

  it('let admins and, without tokens, every caller do everything', () => {
    for (const principal of [who('root', ['admin']), UNAUTHENTICATED])
      for (const action of ALL) expect(new Set(decisions(principal, action))).toEqual(new Set(['granted']));
  });
});
