/** What the tools of the field say of our documents: a linter, a parser, and a generator of clients. */
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWhere } from '../support/describe-where.js';
import { startTestGateway, temporaryDirectory } from '../support/gateway.js';
import { runProgram } from '../support/program.js';
import { npmPackages } from '../support/tool-cache.js';

const PACKAGES = [
  '@asyncapi/parser@3.6.6',
  '@redocly/cli@2.77.0',
  'openapi-fetch@0.17.0',
  'openapi-typescript@7.13.0',
  // What openapi-typescript works with; ours is newer.
  'typescript@5.9.3',
];
const tools = npmPackages('document-tools', PACKAGES);
const REASON = `the document tools are not in the cache; REQUIRE_SERVICES=1 installs them`;

const PARSE = `
import { Parser } from '@asyncapi/parser';
import { readFileSync } from 'node:fs';
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
const complaints = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version').map(({ message, path }) => [path.join('.'), message]);
process.stdout.write(JSON.stringify({ operations: document?.allOperations().length, complaints }));
`;

/** Generates the types of a client, as a back-end developer does. */
const GENERATE = `
import openapiTS, { astToString } from 'openapi-typescript';
import { readFileSync, writeFileSync } from 'node:fs';
writeFileSync(process.argv[3], astToString(await openapiTS(JSON.parse(readFileSync(process.argv[2], 'utf8')))));
`;

const CLIENT = `
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

declare const process: { argv: string[]; stdout: { write(text: string): void } };
const client = createClient<paths>({
  baseUrl: process.argv[2] ?? '',
  querySerializer: { array: { style: 'form', explode: false } },
});
const file = { params: { path: { fileId: 'typed' } } };
const registered = await client.POST('/api/files/{fileId}/batches', { ...file, body: { batches: [{ batchId: 'b', totalEmails: 1 }] } });
const update: components['schemas']['Update'] = {
  batchId: 'b', isComplete: true, totalEmails: 1, processedCount: 1,
  validatedEmails: [{ email: 'jane@example.com', status: 'deliverable', details: { general: { domain: 'example.com' } } }],
};
const taken = await client.POST('/api/updates', { body: update });
const stats = await client.GET('/api/files/{fileId}/stats', file);
const page = await client.GET('/api/files/{fileId}/emails', { params: { ...file.params, query: { status: ['deliverable', 'risky'], limit: 10 } } });
const csv = await client.GET('/api/files/{fileId}/export', { ...file, parseAs: 'text' });
const refused = await client.GET('/api/files/{fileId}', { params: { path: { fileId: 'none' } } });
// @ts-expect-error a status that there is not
client.GET('/api/files/{fileId}/emails', { params: { ...file.params, query: { status: ['good'] } } }).catch(() => undefined);
const outcome: 'applied' | 'unchanged' | 'held' | 'superseded' | undefined = taken.data?.outcome;
const code: string | undefined = refused.error?.code;
process.stdout.write(JSON.stringify({
  batchIds: registered.data?.batchIds, outcome, processed: stats.data?.progress.processed,
  emails: page.data?.emails.map(({ email }) => email), lines: csv.data?.split('\\n').length, code,
}));
`;

const download = async (url: string, folder: string, name: string): Promise<string> => {
  const path = join(folder, name);
  writeFileSync(path, await (await fetch(`${url}/api/${name}`)).text());
  return path;
};

describeWhere(tools !== null, REASON, 'the documents', () => {
  const installed = tools ?? '';
  /** A folder of a stranger's, with the packages that are named. */
  const folderOf = (): string => {
    const folder = temporaryDirectory();
    symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    return folder;
  };
  const run = (folder: string, script: string, ...args: string[]) => {
    const path = join(folder, 'script.mjs');
    writeFileSync(path, script);
    return runProgram(process.execPath, [path, ...args], { HOME: folder });
  };

  test("openapi.json passes redocly's recommended rules without a warning", async () => {
    const folder = folderOf();
    const path = await download((await startTestGateway()).url, folder, 'openapi.json');
    const linter = join(installed, 'node_modules/.bin/redocly');
    const { status, stdout, stderr } = spawnSync(
      linter,
      ['lint', '--extends=recommended', '--format=json', path],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: folder, REDOCLY_TELEMETRY: 'off', CI: 'true' },
      },
    );
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(stdout)).toMatchObject({ totals: { errors: 0, warnings: 0, ignored: 0 } });
  });

  test('asyncapi.json is parsed without a complaint', async () => {
    const folder = folderOf();
    const path = await download((await startTestGateway()).url, folder, 'asyncapi.json');
    const { code, out, err } = await run(folder, PARSE, path);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({ operations: 8, complaints: [] });
  });

  test('a client that is generated from openapi.json compiles and makes the main calls', async () => {
    const folder = folderOf();
    const { url } = await startTestGateway({ FLUSH_INTERVAL_MS: '0' });
    const path = await download(url, folder, 'openapi.json');
    const generated = await run(folder, GENERATE, path, join(folder, 'api.d.ts'));
    expect([generated.code, generated.err]).toEqual([0, '']);
    writeFileSync(join(folder, 'client.ts'), CLIENT);
    const options = { strict: true, target: 'ES2022', module: 'NodeNext', lib: ['ES2022', 'DOM'], types: [] };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['client.ts'] }),
    );
    const compiler = join(installed, 'node_modules/typescript/lib/tsc.js');
    const compiled = await runProgram(process.execPath, [compiler, '-p', folder]);
    expect([compiled.code, compiled.out]).toEqual([0, '']);
    const { code, out, err } = await runProgram(process.execPath, [join(folder, 'client.js'), url]);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({
      batchIds: ['b'],
      outcome: 'applied',
      processed: 1,
      emails: ['jane@example.com'],
      lines: 3,
      code: 'file_not_found',
    });
  });
});
