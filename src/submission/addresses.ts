/** Submits addresses that came with their request, all at once: the caller waits for the validator's answer. */
import { randomUUID } from 'node:crypto';
import type { FileId } from '../domain/id.js';
import { Fault } from '../errors.js';
import type { Advanced, Claim, Lease, Submission } from '../store/submissions.js';
import { type Acceptance, ValidatorFault } from '../validator/validator.js';
import { settledWithin } from '../waiting.js';
import {
  answerLostError,
  claimError,
  fileExistsError,
  inProgressError,
  keyReusedError,
  type Submitted,
} from './answers.js';
import { orderFromText, orderToText, type SubmissionOrder } from './order.js';
import { Places } from './places.js';
import {
  acceptanceFromText,
  isTransient,
  register,
  registrationOf,
  untilStored,
  withoutUpdate,
} from './registering.js';
import { statusAfter } from './registration-answer.js';
import type { SliceDeps } from './slices.js';

export interface AddressesRequest {
  readonly fileId: FileId;
  readonly key: string | null;
  readonly fingerprint: string;
  readonly emails: readonly string[];
  readonly order: SubmissionOrder;
}

/** A request that the validator has accepted, without its addresses. */
type AcceptedRequest = Pick<AddressesRequest, 'fileId' | 'key' | 'order'> & { readonly id: string };

export interface AddressesDeps extends Omit<SliceDeps, 'pause' | 'attachList'> {
  readonly keepMs: number;
  readonly maxUpdateBytes: number;
  readonly stopping: AbortSignal;
  /** A caller waits this long for the registration of what was accepted; it goes on without the caller. */
  readonly answerMs?: number;
  readonly maxUnderWay?: number;
}

const ANSWER_MS = 5_000;
/** Submissions that wait for the validator, or are being registered, with their callers or without. */
const MAX_UNDER_WAY = 1_000;

export class AddressSubmissions {
  readonly #running = new Map<string, { fingerprint: string; answer: Promise<Submitted> }>();
  /** Registrations that go on, whether their callers wait or not. */
  readonly #settling = new Set<Promise<unknown>>();

  readonly #places: Places;

  constructor(private readonly deps: AddressesDeps) {
    this.#places = new Places(deps.maxUnderWay ?? MAX_UNDER_WAY);
  }

  /** @throws Fault; ValidatorFault where nothing is known to be accepted */
  async submit(request: AddressesRequest): Promise<Submitted> {
    const { key, fingerprint } = request;
    if (key === null) return this.#withPlace(request);
    const other = this.#running.get(key);
    if (other !== undefined) {
      if (other.fingerprint !== fingerprint) throw keyReusedError();
      return { ...(await other.answer), isReplayed: true };
    }
    const answer = this.#withPlace(request).finally(() => this.#running.delete(key));
    this.#running.set(key, { fingerprint, answer });
    return answer;
  }

  /** Waits for the registrations that go on. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#settling);
  }

  async #withPlace(request: AddressesRequest): Promise<Submitted> {
    const leave = this.#places.take(request.order.submittedAs);
    return this.#begin(request).finally(leave);
  }

  async #begin(request: AddressesRequest): Promise<Submitted> {
    const { submissions } = this.deps.store;
    const lease = this.deps.leases.create();
    const id = randomUUID();
    const { fileId, key, fingerprint, order, emails } = request;
    const claim = await submissions.claim({
      id,
      fileId,
      key,
      fingerprint,
      requestId: null,
      order: orderToText(order),
      lease,
      isExclusive: !order.replace,
      sending: [emails.length],
      keepMs: this.deps.keepMs,
    });
    if (claim.state !== 'mine') return this.#repeated(claim, lease);
    return this.deps.leases.during(id, lease, () => this.#send(id, lease, request));
  }

  #repeated(claim: Exclude<Claim, { state: 'mine' }>, lease: Lease): Promise<Submitted> | Submitted {
    switch (claim.state) {
      case 'answered':
        return { answer: claim.answer, isReplayed: true };
      case 'known':
        return this.#resume(claim.submission, lease);
      default:
        throw claimError(claim.state);
    }
  }

  async #send(id: string, lease: Lease, request: AddressesRequest): Promise<Submitted> {
    const { validator, metrics, store } = this.deps;
    const { emails, order, fileId } = request;
    const { flags, submittedAs } = order;
    let acceptance: Acceptance;
    try {
      if (!order.replace && (await store.files.find(fileId)) !== null) throw fileExistsError();
      acceptance = await validator.submit({ emails, flags, userId: submittedAs });
    } catch (error) {
      await this.#failed(id, lease, request.key, error);
      throw error;
    }
    metrics.slices.inc({ outcome: 'accepted' });
    // Without the addresses, which would be kept for as long as it goes on.
    const accepted = { id, fileId, key: request.key, order };
    return this.#settled(accepted, lease, () => this.#settle(accepted, lease, acceptance));
  }

  /** From now on only the registration is repeated, whatever fails, and whether the caller waits or not. */
  async #settled(
    { id, order }: AcceptedRequest,
    lease: Lease,
    settle: () => Promise<Submitted>,
  ): Promise<Submitted> {
    const settling = this.deps.leases.during(id, lease, settle);
    this.#settling.add(settling);
    settling.finally(() => this.#settling.delete(settling)).catch(() => undefined);
    if (await settledWithin(this.deps.answerMs ?? ANSWER_MS, settling)) return settling;
    settling.finally(this.#places.add(order.submittedAs)).catch(() => undefined);
    throw new Fault(
      'unavailable',
      'the validator has accepted the list; it is registered as soon as possible',
      {
        retryAfterSeconds: 1,
      },
    );
  }

  async #settle(accepted: AcceptedRequest, lease: Lease, acceptance: Acceptance): Promise<Submitted> {
    const { id, key } = accepted;
    const kept = await untilStored(this.deps.stopping, () => this.#keep(id, lease, acceptance));
    // Another gateway has taken over, and registers it.
    if (kept === 'lost') throw inProgressError();
    try {
      return await this.#register(accepted, lease, acceptance, kept === 'over');
    } catch (error) {
      // What failed for now is registered by the gateway that goes on with it.
      if (!isTransient(error)) await this.#giveUp(id, lease, key).catch(() => undefined);
      throw error;
    }
  }

  #keep(id: string, { owner }: Lease, acceptance: Acceptance): Promise<Advanced> {
    return this.deps.store.submissions.accept(id, owner, 0, JSON.stringify(acceptance));
  }

  /** The gateway that had it accepted has died. */
  async #resume({ id, fileId, key, order }: Submission, lease: Lease): Promise<Submitted> {
    const { submissions } = this.deps.store;
    const [slice] = await submissions.slices(id);
    if (slice === undefined || slice.acceptance === null) throw answerLostError();
    const acceptance = acceptanceFromText(slice.acceptance);
    const accepted = { id, fileId, key, order: orderFromText(order) };
    const registered = await this.#settled(accepted, lease, () =>
      this.#register(accepted, lease, acceptance),
    );
    return { ...registered, isReplayed: true };
  }

  async #register(
    { id, fileId, key, order }: AcceptedRequest,
    lease: Lease,
    acceptance: Acceptance,
    isOver = false,
  ): Promise<Submitted> {
    const { store, intake, stopping, maxUpdateBytes, logger } = this.deps;
    const { totalEmails, repeats } = order;
    const registration = registrationOf(fileId, order, null, totalEmails, acceptance);
    // Before the registration, which would leave a batch whose only update is refused.
    if (Buffer.byteLength(acceptance.update ?? '') > maxUpdateBytes)
      throw new Fault('payload_too_large', 'the result of this address is larger than an update may be');
    const { requestId } = registration;
    let known: boolean | undefined = isOver;
    const isOverNow = async () => {
      // A later try comes after a failure: the file may have been deleted meanwhile.
      const isDeleted = known ?? (await this.#keep(id, lease, acceptance)) === 'over';
      known = undefined;
      return isDeleted;
    };
    try {
      const registered = await register(
        intake,
        registration,
        acceptance,
        order.claimant,
        stopping,
        isOverNow,
      );
      const status = await untilStored(stopping, () => statusAfter(registered, store));
      const { batchIds } = acceptance;
      const answer = JSON.stringify({
        fileId,
        requestId,
        batchIds,
        totalEmails,
        repeats,
        status,
        submission: null,
      });
      // It is registered: an error now would make the caller submit it again.
      const done = () => this.#done(id, lease, key, acceptance, answer);
      await untilStored(stopping, done).catch(() => undefined);
      return { answer, isReplayed: false };
    } catch (error) {
      logger.error({ requestId }, 'a list that the validator accepted could not be registered');
      throw error;
    }
  }

  async #done(
    id: string,
    { owner }: Lease,
    key: string | null,
    acceptance: Acceptance,
    answer: string,
  ): Promise<void> {
    const { submissions } = this.deps.store;
    if (key === null) return submissions.end(id);
    const slice = { number: 0, state: 'registered', acceptance: withoutUpdate(acceptance) } as const;
    await submissions.advance(id, owner, { slice, state: 'done', answer, dueInMs: 0 });
  }

  /** Frees the key if nothing was accepted; keeps it if that is unknown, so that no retry submits twice. */
  async #failed(id: string, lease: Lease, key: string | null, error: unknown): Promise<void> {
    const { submissions } = this.deps.store;
    const outcome = error instanceof ValidatorFault ? error.outcome : 'later';
    if (error instanceof ValidatorFault) this.deps.metrics.slices.inc({ outcome });
    // If this fails too, the gateway that takes over finds a slice without an answer.
    if (outcome === 'lost') await this.#giveUp(id, lease, key).catch(() => undefined);
    else await submissions.end(id).catch(() => undefined);
  }

  /** The validator has it, or may have it: no retry under the key submits it again. Nothing is kept of its answer. */
  async #giveUp(id: string, { owner }: Lease, key: string | null): Promise<void> {
    const { submissions } = this.deps.store;
    if (key === null) return submissions.end(id);
    const slice = { number: 0, state: 'uncertain', acceptance: null } as const;
    await submissions.advance(id, owner, { slice, state: 'stopped', dueInMs: 0 });
  }
}
