import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.js';
import { EXIT_CONFIG } from '../../src/errors.js';

const UNIT = 'deploy/systemd/verigate.service';
const settings = new Map(
  readFileSync(UNIT, 'utf8')
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);

test('the unit gives a gateway the time and the descriptors that it needs, and never restarts a wrong configuration', () => {
  const { SHUTDOWN_TIMEOUT_MS, MAX_CONNECTIONS } = readConfig({});
  expect(Number(settings.get('TimeoutStopSec')) * 1_000).toBeGreaterThan(SHUTDOWN_TIMEOUT_MS);
  expect(Number(settings.get('LimitNOFILE'))).toBeGreaterThan(MAX_CONNECTIONS);
  expect(settings.get('RestartPreventExitStatus')).toBe(String(EXIT_CONFIG));
  // No npm and no shell in between: the signal is the gateway's own.
  expect(settings.get('ExecStart')).toMatch(/node --max-semi-space-size=4 dist\/src\/main\.js$/);
});

const analyze = spawnSync('systemd-analyze', ['--version']);

if (analyze.status !== 0)
  process.stderr.write('SKIPPED: the unit is not verified: there is no systemd-analyze\n');
(analyze.status === 0 ? test : test.skip)('systemd takes the unit without a complaint', () => {
  // `verify` wants the program to be there; where Node.js is elsewhere, only that is said.
  const { stderr } = spawnSync('systemd-analyze', ['verify', UNIT], { encoding: 'utf8' });
  const complaints = stderr.split('\n').filter((line) => line.includes('verigate.service'));
  expect(complaints.filter((line) => !/is not executable/.test(line))).toEqual([]);
});
