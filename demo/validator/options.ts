/** The options of the simulated validator, with their defaults. */
/** Faults that the real validator shows. Each number is the share of batches, results or submissions that have it. */
export interface Faults {
  /** Batches whose updates come twice. */
  readonly repeat: number;
  /** Batches that begin again from nothing in the middle: 5, 10, then 5, 10, 15 … */
  readonly restart: number;
  /** Batches that are complete without one of their addresses. */
  readonly hole: number;
  /** Batches that stop in the middle: no further update, and no end. */
  readonly silence: number;
  /** Batches of which every other update is not published; the status calls have it. */
  readonly gap: number;
  /** Batches that are run once more after they were complete. */
  readonly rerun: number;
  /** Batches that are run by two workers at once. */
  readonly rivals: number;
  /** Batches whose updates arrive out of order, the complete one included. */
  readonly shuffle: number;
  /** Rejected addresses whose reason is not well-formed text. */
  readonly surrogate: number;
  /** Submissions that are queued and never answered. */
  readonly mute: number;
  /** Submissions whose answer breaks off in the middle. */
  readonly torn: number;
  /** Submissions that are queued, and answered with an error. */
  readonly error: number;
  /** Submissions that are accepted and never run. */
  readonly lost: number;
  /** Submissions that are not accepted, as by a proxy whose service is down. */
  readonly down: number;
}

export interface RedisOptions {
  readonly url: string;
  /** Appends to the stream instead of publishing on the channel. */
  readonly isStream: boolean;
  /** Into how many streams the updates are split, by their batch. */
  readonly streamShards: number;
}

export interface ValidatorOptions {
  readonly host: string;
  /** 0: a free port. */
  readonly port: number;
  /** Prefix of every path, such as `/api/v1`; empty for none. */
  readonly basePath: string;
  readonly apiKey: string;
  /** Base URL of the gateway; a function if it is not known yet. Updates go to `/api/updates`. */
  readonly gatewayUrl: string | (() => string);
  /** Bearer token for the gateway; empty for none. */
  readonly gatewayToken: string;
  /** Redis to publish updates on; null: they are posted to the gateway. */
  readonly redis: RedisOptions | null;
  /** Addresses a second, over all workers; 0: no limit. */
  readonly rate: number;
  /** Batches that run in parallel. */
  readonly workers: number;
  /** Number of addresses between two updates of a batch. */
  readonly publishEvery: number;
  /** Submissions a minute for each user; 0: no limit. */
  readonly submissionsPerMinute: number;
  /** Status requests a minute for each user and id; 0: no limit. */
  readonly statusPerMinute: number;
  /** Delay of the answer to a submission. Updates do not wait for it. */
  readonly answerDelayMs: number;
  /** Addresses that may wait for a worker. Further submissions are refused. */
  readonly maxWaiting: number;
  /** Delays before an update is sent again: the first, doubled up to the longest. */
  readonly retryMs: readonly [first: number, longest: number];
  /** When the validator closes, updates still under way have this long to reach the gateway. */
  readonly graceMs: number;
  readonly faults: Faults;
  /** Chooses the batches that have faults. */
  readonly seed: string;
  /** Receives log lines for the operator. They hold no addresses. */
  readonly log: (line: string) => void;
}

export const NO_FAULTS: Faults = {
  repeat: 0,
  restart: 0,
  hole: 0,
  silence: 0,
  gap: 0,
  rerun: 0,
  rivals: 0,
  shuffle: 0,
  surrogate: 0,
  mute: 0,
  torn: 0,
  error: 0,
  lost: 0,
  down: 0,
};

export const DEFAULTS: Omit<ValidatorOptions, 'gatewayUrl'> = {
  host: '127.0.0.1',
  port: 0,
  basePath: '/api/v1',
  apiKey: 'demo-validator-key',
  gatewayToken: '',
  redis: null,
  rate: 60,
  workers: 4,
  publishEvery: 5,
  submissionsPerMinute: 40,
  statusPerMinute: 50,
  answerDelayMs: 50,
  maxWaiting: 1_000_000,
  retryMs: [100, 5000],
  graceMs: 1000,
  faults: NO_FAULTS,
  seed: 'verigate',
  log: () => undefined,
};
