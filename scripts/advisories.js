/**
 * Asks the registry for known weaknesses of the packages that run in production, and fails on severe ones. Without the
 * registry the answer kept in advisories.json counts, if it is about the same packages; without one it says that nothing was
 * looked at. `--save` keeps the answer, `--strict` fails where nothing could be looked at.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const KEPT = 'advisories.json';
const SEVERE = ['high', 'critical'];
/** EX_TEMPFAIL of sysexits.h. */
const EXIT_NOT_CHECKED = 75;
const options = new Set(process.argv.slice(2));

/** A hash over the names, versions and contents of all packages that are not for development. */
function packagesHash() {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const lines = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version, integrity }]) => `${path} ${version} ${integrity}`);
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

/** Null: the registry did not answer. */
function askRegistry() {
  const args = ['audit', '--json', '--omit=dev', '--fetch-retries=0', '--fetch-timeout=20000'];
  const { stdout } = spawnSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  try {
    const { vulnerabilities } = JSON.parse(stdout);
    if (vulnerabilities === undefined) return null;
    return Object.values(vulnerabilities).map(({ name, severity, range, via }) => ({
      name,
      severity,
      range,
      advisories: via.flatMap(({ url, title }) => (url === undefined ? [] : [`${title} ${url}`])),
    }));
  } catch {
    return null;
  }
}

const say = (/** @type {string} */ text) => process.stdout.write(`${text}\n`);

function report(findings, source) {
  say(`${source}: ${findings.length} packages with advisories`);
  for (const { name, severity, range, advisories } of findings)
    say(`${severity}: ${name} ${range}\n  ${advisories.join('\n  ')}`);
  if (findings.some(({ severity }) => SEVERE.includes(severity))) process.exitCode = 1;
}

const packages = packagesHash();
const asked = askRegistry();
const kept = existsSync(KEPT) ? JSON.parse(readFileSync(KEPT, 'utf8')) : null;
if (asked !== null) {
  report(asked, 'the registry says');
  const text = `${JSON.stringify({ checkedAt: new Date().toISOString(), packages, findings: asked }, null, 2)}\n`;
  if (options.has('--save')) writeFileSync(KEPT, text);
} else if (kept?.packages === packages) {
  report(kept.findings, `the registry does not answer; ${KEPT} of ${kept.checkedAt} says`);
} else {
  const reason = kept === null ? `there is no ${KEPT}` : `${KEPT} is about other packages`;
  process.stderr.write(`NOT CHECKED for advisories: the registry does not answer, and ${reason}\n`);
  if (options.has('--strict')) process.exitCode = EXIT_NOT_CHECKED;
}
