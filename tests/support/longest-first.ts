import sequencer from '@jest/test-sequencer';

// Its types describe the CommonJS build; what is imported is the other one.
const Sequencer = sequencer as unknown as typeof sequencer.default;
type Tests = Parameters<InstanceType<typeof Sequencer>['sort']>[0];

/** Suites that take half a minute or more: begun last, one of them would keep everybody waiting. */
const LONGEST = [
  'contracts/mongo-store',
  'dashboard',
  'cluster/redis-outages',
  'contracts/sqlite-store',
  'cluster/mongo-outages',
  'cluster/stopping',
  'cluster/kill',
  'e2e/kill',
  'realtime/room-writer',
];

/** The order of suites where nothing is known of an earlier run: jest would begin with the largest files. */
export default class LongestFirst extends Sequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const rank = (path: string) => {
      const at = LONGEST.findIndex((name) => path.endsWith(`/${name}.test.js`));
      return at < 0 ? LONGEST.length : at;
    };
    return [...(await super.sort(tests))].sort((a, b) => rank(a.path) - rank(b.path));
  }
}
