/** What the real validator does wrong now and then: each is the share of batches, results or submissions that it happens to. */
export interface Vices {
  /** Batches whose updates come twice. */
  readonly repeat: number;
  /** Batches that begin again from nothing in the middle: 5, 10, then 5, 10, 15 … */
  readonly restart: number;
  /** Batches that are complete without one of their addresses. */
  readonly hole: number;
  /** Batches that stop in the middle and are never heard of again. */
  readonly silence: number;
  /** Batches of whose updates every other one is not published; the status has it. */
  readonly gap: number;
  /** Batches that are worked through once more after they were complete. */
  readonly rerun: number;
  /** Batches that two workers work at. */
  readonly rivals: number;
  /** Batches whose updates overtake each other, the complete one too. */
  readonly shuffle: number;
  /** Rejected addresses whose reason is no well-formed text. */
  readonly surrogate: number;
  /** Submissions that are queued and never answered. */
  readonly mute: number;
  /** Submissions whose answer breaks off in the middle. */
  readonly torn: number;
  /** Submissions that are queued, and answered with an error. */
  readonly error: number;
  /** Submissions that are accepted, and never worked at. */
  readonly lost: number;
}

export interface RedisOptions {
  readonly url: string;
  /** As entries of the stream, instead of on the channel. */
  readonly isStream: boolean;
}

export interface ValidatorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Before every path, `/api/v1`; empty for none. */
  readonly basePath: string;
  readonly apiKey: string;
  /** Where the gateway is; a function where that is not known yet. Updates go to `/api/updates` there. */
  readonly gatewayUrl: string | (() => string);
  /** A bearer token for the gateway; empty for none. */
  readonly gatewayToken: string;
  /** Where updates are published instead; null: they are posted to the gateway. */
  readonly redis: RedisOptions | null;
  /** Addresses a second, all workers together; 0: as fast as it goes. */
  readonly rate: number;
  /** Batches side by side. */
  readonly workers: number;
  /** Addresses of a batch from one of its updates to the next. */
  readonly publishEvery: number;
  /** Submissions a minute of one user; 0: any number. */
  readonly submissionsPerMinute: number;
  /** Status requests a minute of one user for one id; 0: any number. */
  readonly statusPerMinute: number;
  /** From taking a submission to answering it. Updates do not wait for that. */
  readonly answerDelayMs: number;
  /** Addresses that may wait for a worker; more are refused. */
  readonly maxWaiting: number;
  /** Waiting before a failed update is tried again: from the first to the longest, doubling. */
  readonly retryMs: readonly [first: number, longest: number];
  /** When everything is to end, what is under way gets so long to reach the gateway. */
  readonly graceMs: number;
  readonly vices: Vices;
  /** Chooses the batches that the vices happen to. */
  readonly seed: string;
  /** Takes what an operator should know, a line at a time; no addresses. */
  readonly log: (line: string) => void;
}

export const NO_VICES: Vices = {
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
  vices: NO_VICES,
  seed: 'verigate',
  log: () => undefined,
};
