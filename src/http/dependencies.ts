/** What the routes need from the rest of the gateway. */
import type { Guard } from '../auth/guard.js';
import type { FileId, UserId } from '../domain/id.js';
import type { HealthChecks } from '../health/checks.js';
import type { Intake } from '../inlet/intake.js';
import type { ListReaderOptions } from '../lists/list-reader.js';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import type { Refusal } from '../refusal.js';
import type { Breakdowns } from '../snapshot/breakdowns.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import type { Store } from '../store/store.js';
import type { Submissions } from '../submission/submissions.js';
import type { Bodies } from './bodies.js';
import type { LargeAnswers } from './large-answers.js';
import type { RateLimit } from './rate-limit.js';
import type { WritesInFlight } from './writes-in-flight.js';

/** The part of the configuration that the routes read. */
export interface HttpConfig extends ListReaderOptions {
  readonly CORS_ORIGINS: readonly string[];
  readonly COMPRESSION: boolean;
  readonly MAX_UPDATE_BYTES: number;
  readonly MAX_BODY_BYTES: number;
  readonly MAX_BODIES_BYTES: number;
  readonly ANSWER_WITHIN_MS: number;
  readonly MAX_EXPORTS: number;
  readonly MAX_EXPORTS_PER_CALLER: number;
  readonly EXPORT_IDLE_MS: number;
  readonly MAX_UNREAD_BYTES: number;
  readonly MAX_EMAILS_PER_VALIDATION: number;
  readonly VALIDATOR_USER_ID: string;
  readonly WEBHOOKS_ALLOW_PRIVATE: boolean;
  readonly MAX_WEBHOOKS: number;
  readonly MAX_WAITING_LISTS: number;
  readonly MAX_UPLOADS: number;
  readonly MAX_UPLOADS_PER_CALLER: number;
}

/** The sockets of all gateways. */
interface UserSessions {
  /** Disconnects a user and refuses their tokens. Returns the number of sockets. @throws Fault `unavailable` */
  revoke(sub: UserId): Promise<number>;
  listenersOf(fileId: FileId): Promise<{ readonly listeners: number; readonly gateways: number }>;
}

export interface HttpDependencies {
  readonly config: HttpConfig;
  /** An uploaded list that is not submitted ends after this time: `LIST_TTL_MS`, or the retention if that is shorter. */
  readonly listTtlMs: number;
  readonly guard: Guard;
  readonly rateLimit: RateLimit;
  readonly bodies: Pick<Bodies, 'read' | 'json' | 'during' | 'handOver'>;
  readonly answers: Pick<LargeAnswers, 'send'>;
  readonly store: Store;
  readonly snapshots: Pick<Snapshots, 'page' | 'snapshot' | 'stats'>;
  readonly breakdowns: Pick<Breakdowns, 'of'>;
  readonly intake: Intake;
  readonly sessions: UserSessions;
  /** Null: no validator is configured. */
  readonly submissions: Submissions | null;
  /** Why the gateway is not ready for requests; empty: it is. */
  readonly readiness: () => readonly string[];
  /** By dependency: why it cannot be used, and its code. */
  readonly refusals: () => Readonly<Record<string, Refusal>>;
  /** The checks of the database and of Redis that `/readyz` runs. */
  readonly checks: HealthChecks;
  readonly writes: WritesInFlight;
  readonly metrics: Metrics;
  readonly logger: Logger;
}
