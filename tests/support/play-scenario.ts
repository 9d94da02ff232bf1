import { expect } from '@jest/globals';
import { StrictListener } from './listener.js';
import { Producer } from './producer.js';
import { Reading } from './reading.js';
import { mixed } from './results.js';
import type { Scenario } from './scenario.js';
import { type Action, perform, ScenarioFile } from './scenario-file.js';
import type { Entry } from './tally.js';

/**
 * Plays a scenario on gateways that share their state, then compares every read and every listener with what the
 * messages alone imply.
 */
export async function playScenario(
  urls: readonly string[],
  name: string,
  scenario: Scenario,
  emailsPerEvent: number,
): Promise<void> {
  const producer = new Producer(...urls);
  const files = scenario.files.map(
    (plan, index) => new ScenarioFile(`${name}/f${index}`, producer, scenario, plan),
  );
  const listeners = await Promise.all(files.map((file) => listenersOf(file, urls, emailsPerEvent)));
  await perform(
    files.flatMap(({ actions }) => actions),
    scenario.atOnce,
  );
  for (const [index, file] of files.entries()) await compare(file, listeners[index] ?? [], urls);
  for (const listener of listeners.flat()) listener.leave();
}

/** Listeners of every kind: from the start, of one feed, over other transports, late, and reconnecting. */
async function listenersOf(
  file: ScenarioFile,
  urls: readonly string[],
  emailsPerEvent: number,
): Promise<StrictListener[]> {
  const { fileId } = file;
  const nextUrl = inTurn(urls);
  const steady = new StrictListener(fileId, { emailsPerEvent });
  const polling = new StrictListener(fileId, { emailsPerEvent, transports: ['polling'] });
  const onlyStats = new StrictListener(fileId, { emailsPerEvent, feeds: ['stats'] });
  const onlyEmails = new StrictListener(fileId, {
    emailsPerEvent,
    feeds: ['emails'],
    transports: ['polling', 'websocket'],
  });
  await Promise.all([steady, polling, onlyStats, onlyEmails].map((listener) => listener.join(nextUrl())));

  const late = new StrictListener(fileId, { emailsPerEvent });
  file.also(() => late.join(nextUrl()));
  const reconnecting = new StrictListener(fileId, { emailsPerEvent });
  let last: Action[] = [];
  for (let turn = 0; turn < 4; turn++) {
    // Not awaited: it may disconnect again before it has joined.
    const join = file.also(async () => reconnecting.begin(nextUrl()), last);
    last = [file.also(async () => reconnecting.leave(), [join])];
  }
  return [steady, polling, onlyStats, onlyEmails, late, reconnecting];
}

async function compare(
  file: ScenarioFile,
  listeners: readonly StrictListener[],
  urls: readonly string[],
): Promise<void> {
  const { fileId, oracle } = file;
  const reading = new Reading(new Producer(...urls), fileId);
  const nextUrl = inTurn(urls);
  await Promise.all(
    listeners.map((listener) => (listener.isConnected ? undefined : listener.join(nextUrl()))),
  );
  // The file's last change. When it has arrived, every change before it has.
  const last = `${fileId}/last`;
  await file.closeWith(last);
  await listeners[0]?.until(() => listeners[0]?.has(last) === true);
  const stats = await reading.stats();
  await Promise.all(listeners.map((listener) => listener.until(() => listener.isUpTo(stats, last))));

  const stored = await reading.ndjson();
  const expected = oracle.expected(stored);
  expect(stored).toEqual(expected.entries);
  expect(stats).toMatchObject(expected.stats);
  expect(await reading.snapshot()).toMatchObject({ stats, emails: { emails: stored.slice(0, 50) } });
  await comparePages(reading, stored);
  for (const listener of listeners) {
    expect(listener.faults).toEqual([]);
    expect(listener.gaps).toBe(0);
    if (listener.hears('stats')) expect(listener.stats).toEqual(stats);
    if (listener.hears('emails')) expect(listener.results(oracle.batchIds)).toEqual(stored);
  }
  // The stats are unchanged: the comparison was made at the end.
  expect(await reading.stats()).toEqual(stats);
}

const STATUSES = ['deliverable', 'undeliverable', 'risky', 'unknown'];
const RISKS = ['none', 'low', 'medium', 'high'];
const PREFIXES = ['u', 'USER1', 'jane+NEWS@', 'LONGlong', 'i\u0307', '\ufffd', '"A,b"\r\n', 'x'.repeat(300)];

async function comparePages(reading: Reading, stored: readonly Entry[]): Promise<void> {
  const limit = 3 + (mixed(stored.length, reading.fileId.length) % 20);
  const page = async (filter: Record<string, string>, fits: (entry: Entry) => boolean) =>
    expect(await reading.pages(filter, limit)).toEqual(stored.filter(fits));
  const startsWith = (entry: Entry, start: string) =>
    entry.email.toLowerCase().startsWith(start.toLowerCase());
  await Promise.all([
    page({}, () => true),
    ...STATUSES.map((status) => page({ status }, (entry) => entry.status === status)),
    ...RISKS.map((risk) => page({ risk }, (entry) => entry.risk_level === risk)),
    ...RISKS.map((risk) =>
      page({ risk, status: 'risky' }, (entry) => entry.risk_level === risk && entry.status === 'risky'),
    ),
    ...PREFIXES.map((email) => page({ email }, (entry) => startsWith(entry, email))),
    ...PREFIXES.map((email) =>
      page({ email, status: 'unknown' }, (entry) => startsWith(entry, email) && entry.status === 'unknown'),
    ),
  ]);
  expect((await reading.csv()).length).toBe(stored.length + 1);
  for (const status of STATUSES) {
    const ofStatus = stored.filter((entry) => entry.status === status);
    expect(await reading.ndjson(status)).toEqual(ofStatus);
    expect((await reading.csv(status)).length).toBe(ofStatus.length + 1);
  }
}

/** The URLs in turn, endlessly. */
function inTurn(urls: readonly string[]): () => string {
  let turn = 0;
  return () => urls[turn++ % urls.length] ?? '';
}
