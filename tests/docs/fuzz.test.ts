/**
 * Schemathesis makes requests from the OpenAPI document, and sends them to a gateway: no answer may be missing in the
 * document, and none may be a 5xx.
 */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWhere } from '../support/describe-where.js';
import { effort } from '../support/effort.js';
import { startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { runProgram } from '../support/program.js';
import { pythonPackages } from '../support/tool-cache.js';
import { accepting, standIn } from '../validator/stand-in.js';

/** A few requests of each kind, or as many as two minutes have. */
const AMOUNT = effort(1, 0) === 1 ? '--phases examples,fuzzing --max-examples 1' : '--max-time 110';
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

const tools = pythonPackages('schemathesis', ['schemathesis==4.32.5']);
describeWhere(tools !== null, 'schemathesis is not in the cache', 'requests made from openapi.json', () => {
  test('are answered as it says, and never by a 5xx', async () => {
    let batches = 0;
    const validator = await standIn(accepting(() => `r-${++batches}`));
    const { url } = await startTestGateway({
      VALIDATOR_URL: validator.url,
      VALIDATOR_API_KEY: 'a-key',
      MAX_COSTLY_REQUESTS_PER_MINUTE: '1000000',
      MAX_WEBHOOKS: '1000',
    });
    const folder = temporaryDirectory();
    const { code, out } = await runProgram(
      'env',
      [
        // It writes where it stands.
        ...['-C', folder, join(tools ?? '', 'schemathesis')],
        ...['run', `${url}/api/openapi.json`, '--checks', CHECKS.join(',')],
        ...'--continue-on-failure --no-color --generation-database none --warnings off'.split(' '),
        ...AMOUNT.split(' '),
      ],
      { HOME: folder, LC_ALL: 'C.UTF-8' },
    );
    expect(code === 0 ? '' : out).toBe('');
    const [, cases] = /(\d+) generated/.exec(out) ?? [];
    expect(Number(cases)).toBeGreaterThan(effort(30, 300));
  }, 300_000);
});
