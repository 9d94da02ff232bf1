/** The comparison of answers with the document finds each kind of difference. */
import { expect, test } from '@jest/globals';
import { expectDocumented } from '../support/documented.js';

const problem = (more: object = {}) => ({
  type: 'urn:verigate:problem:file_not_found',
  title: 'There is no such file',
  status: 404,
  detail: 'There is no such file',
  code: 'file_not_found',
  ...more,
});
const JSON_TYPE = 'application/json; charset=utf-8';
const PROBLEM = 'application/problem+json';

/** What is found in an answer to `GET /api/files/f/stats`; empty: it is as documented. */
function found(status: number, body: unknown, type: string, headers: Record<string, string> = {}): string {
  try {
    expectDocumented('GET', 'http://host/api/files/f/stats', {
      status,
      headers: new Headers({ 'content-type': type, ...headers }),
      text: JSON.stringify(body),
    });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

test('an answer that is not in the document is found', () => {
  expect(found(404, problem(), PROBLEM)).toBe('');
  expect(found(404, problem({ code: 'file_exists' }), PROBLEM)).toContain('/code');
  expect(found(404, problem({ stack: 'at …' }), PROBLEM)).toContain('stack');
  expect(found(404, problem(), JSON_TYPE)).toContain('the content type application/json');
  const raw = [{ field: 'limit', message: 'Invalid input: expected string, received number' }];
  expect(found(404, problem({ errors: raw }), PROBLEM)).toContain('expected string');
  expect(found(409, problem(), PROBLEM)).toContain('the status');
  expect(found(404, problem(), PROBLEM, { 'x-debug': '1' })).toContain('the header x-debug');
  expect(found(200, { fileId: 'f' }, JSON_TYPE)).toContain("must have required property 'epoch'");
});

test('a call that is not in the document is found', () => {
  const answer = { status: 200, headers: new Headers({ 'content-type': JSON_TYPE }), text: '{}' };
  expect(() => expectDocumented('GET', 'http://host/api/secret', answer)).toThrow('no such operation');
  expect(() => expectDocumented('PUT', 'http://host/api/files/f', answer)).toThrow('no such operation');
  expect(() => expectDocumented('GET', 'http://host/client/index.js', answer)).not.toThrow();
});
