import type { Feed } from '../feed/feed.js';
import type { HealthChecks } from '../health-checks.js';
import type { Inlets } from '../inlet/inlet.js';
import type { Intake } from '../inlet/intake.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../store/store.js';

export interface Engine {
  readonly store: Store;
  readonly feed: Feed;
  /** Other gateways work on the same state: what one of them leaves unannounced, the others announce. */
  readonly isShared: boolean;
  readonly checks: HealthChecks;
  /** Opens the inlets beside HTTP; null: there are none. */
  readonly openInlets: ((deps: InletDeps) => Inlets) | null;
  /** What an operator should know of the choice. */
  readonly note: string;
}

export interface InletDeps {
  readonly intake: Pick<Intake, 'update'>;
  readonly metrics: Metrics;
}
