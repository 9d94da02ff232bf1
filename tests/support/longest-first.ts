/** Jest's order of test suites: the longest first, and last runs' timings for the others. */
import sequencer from '@jest/test-sequencer';

// The package's types describe its CommonJS build; what is imported is the other one.
const Sequencer = sequencer as unknown as typeof sequencer.default;
type Tests = Parameters<InstanceType<typeof Sequencer>['sort']>[0];

/** Suites of a third of a minute or more, some in thorough runs only. If one started last, the whole run would wait for it. */
const LONGEST = [
  'e2e/memory',
  'contracts/mongo-store',
  'dashboard',
  'cluster/redis-outages',
  'contracts/sqlite-store',
  'cluster/mongo-outages',
  'cluster/stopping',
  'cluster/kill',
  'e2e/kill',
  'realtime/room-writer',
  'soak/soak',
  'cluster/redis-topologies',
  'docs/fuzz',
  'e2e/large-list',
  'auth/ownership',
  'cluster/sessions',
  'store/mongo-crashes',
  'store/mongo-long-lists',
  'cluster/deletion',
  'dashboard-outcome',
  'e2e/recordings',
  'client/package',
  'cli/cli',
  'dashboard-import',
  'webhooks/webhooks',
  'e2e/slow-consumer',
  'deploy/balancer',
];

/** Without timings of an earlier run jest would begin with the largest files. */
export default class LongestFirst extends Sequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const rank = (path: string) => {
      const at = LONGEST.findIndex((name) => path.endsWith(`/${name}.test.js`));
      return at < 0 ? LONGEST.length : at;
    };
    return [...(await super.sort(tests))].sort((a, b) => rank(a.path) - rank(b.path));
  }
}
