/**
 * Entry point of `npm run bench`: runs the named benchmarks, or all, and writes the figures into docs/benchmarks.md.
 */

import { batches } from './batches/batches.js';
import { commands } from './commands/commands.js';
import { connect } from './connect/connect.js';
import { distributed } from './distributed/distributed.js';
import { eventLoop } from './event-loop/event-loop.js';
import { buildCentrifugo } from './fan-out/centrifugo.js';
import { fanOut } from './fan-out/fan-out.js';
import { fileSize } from './file-size/file-size.js';
import { footprint } from './footprint/footprint.js';
import { gateways } from './gateways/gateways.js';
import { intake } from './intake/intake.js';
import { latency } from './latency/latency.js';
import { lists } from './lists/lists.js';
import { million } from './million/million.js';
import { mongoSize } from './mongo-size/mongo-size.js';
import { page } from './page/page.js';
import { reconnect } from './reconnect/reconnect.js';
import { rollingRestart } from './rolling-restart/rolling-restart.js';
import { shards } from './shards/shards.js';
import { forgetDatasets } from './support/dataset.js';
import type { Figure } from './support/figures.js';
import { report } from './support/report.js';
import { traffic } from './traffic/traffic.js';

const QUESTIONS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  'file-size': fileSize,
  'event-loop': eventLoop,
  million,
  batches,
  intake,
  lists,
  'fan-out': fanOut,
  connect,
  reconnect,
  latency,
  traffic,
  'mongo-size': mongoSize,
  commands,
  distributed,
  'rolling-restart': rollingRestart,
  shards,
  gateways,
  footprint,
  page,
};

const asked = process.argv.slice(2);
const PREPARATIONS: readonly string[] = ['clean', 'centrifugo'];
const unknown = asked.filter((name) => !PREPARATIONS.includes(name) && !Object.hasOwn(QUESTIONS, name));
if (unknown.length > 0) {
  process.stderr.write(
    `no such benchmark: ${unknown.join(', ')}; there are ${[...Object.keys(QUESTIONS), ...PREPARATIONS].join(', ')}\n`,
  );
  process.exit(1);
}
if (asked.includes('clean')) forgetDatasets();
if (asked.includes('centrifugo')) buildCentrifugo();
for (const [name, run] of Object.entries(QUESTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const startedAt = performance.now();
  try {
    const figures = await run();
    report(name, figures, (performance.now() - startedAt) / 1000);
  } catch (error) {
    // The others still have their turns.
    process.stderr.write(`${name} failed: ${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  }
}
