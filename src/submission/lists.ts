/** Submits a list that was uploaded: written down in slices first, then sent slice by slice, whether the caller waits or not. */
import { randomUUID } from 'node:crypto';
import type { FileId, ListId, RequestId } from '../domain/id.js';
import { InvalidInput } from '../domain/invalid-input.js';
import { Fault } from '../errors.js';
import type { Store } from '../store/store.js';
import type { Claim, Lease, Submission } from '../store/submissions.js';
import { settledWithin } from '../waiting.js';
import type { AddressesDeps, AddressesRequest } from './addresses.js';
import { claimError, fileExistsError, type Submitted } from './answers.js';
import { orderFromText, orderToText, type SubmissionOrder } from './order.js';
import { type ListAddresses, prepareSlices } from './prepare.js';
import { acceptanceFromText, untilStored } from './registering.js';
import { statusOfFile } from './registration-answer.js';
import type { SubmissionWorker, SubmissionWorkerOptions } from './submission-worker.js';

export interface OpenList {
  readonly list: NonNullable<SubmissionOrder['list']>;
  readonly addresses: ListAddresses;
}

interface ListRequest extends Omit<AddressesRequest, 'emails' | 'order'> {
  /** Finds the list, once it is known that it was not submitted under the same key. @throws Fault; InvalidInput */
  readonly open: (submissionId: string) => Promise<OpenList>;
  /** Equal for addresses that count as the same. */
  readonly dedupKey: (address: string) => string;
  /** Each repeat of an address is sent as well. */
  readonly keepsRepeats: boolean;
  readonly order: Omit<SubmissionOrder, 'totalEmails' | 'repeats' | 'list'>;
}

interface ListDeps
  extends Pick<AddressesDeps, 'store' | 'intake' | 'leases' | 'keepMs' | 'stopping'>,
    Pick<SubmissionWorkerOptions, 'attachList'> {
  readonly sliceSize: number;
  readonly worker: Pick<SubmissionWorker, 'run'>;
}

/** A caller waits this long for the validator's answer to the first slice. */
const ANSWER_MS = 3_000;

export class ListSubmissions {
  constructor(private readonly deps: ListDeps) {}

  async submit(request: ListRequest): Promise<Submitted> {
    const { store, leases, keepMs } = this.deps;
    const { fileId, key, fingerprint, order } = request;
    const lease = leases.create();
    const id = randomUUID();
    const begun = { ...order, list: null, totalEmails: 0, repeats: 0 };
    const claim = await store.submissions.claim({
      // The request of the file is the submission: each slice has another request at the validator.
      id,
      fileId,
      key,
      fingerprint,
      requestId: id,
      order: orderToText(begun),
      lease,
      isExclusive: !order.replace,
      sending: [],
      keepMs,
    });
    if (claim.state !== 'mine') return this.#repeated(claim);
    await leases.during(id, lease, async () => {
      const listId = await this.#prepare(id, lease, request).catch(async (error: unknown) => {
        await this.#giveUp(id, fileId);
        throw error;
      });
      await this.#open(id, lease, fileId, listId);
    });
    const submission = await store.submissions.ofFile(fileId);
    if (submission?.id !== id) throw new Fault('file_not_found');
    await settledWithin(ANSWER_MS, this.deps.worker.run(submission, lease));
    const current = await store.submissions.ofFile(fileId);
    return { answer: await listAnswer(store, current?.id === id ? current : submission), isReplayed: false };
  }

  async #repeated(claim: Exclude<Claim, { state: 'mine' }>): Promise<Submitted> {
    switch (claim.state) {
      case 'answered':
        return { answer: claim.answer, isReplayed: true };
      case 'known':
        return { answer: await listAnswer(this.deps.store, claim.submission), isReplayed: true };
      default:
        throw claimError(claim.state);
    }
  }

  /** Writes all slices, then registers the file: a gateway that finds it registered knows that all slices are there. */
  async #prepare(id: string, lease: Lease, request: ListRequest): Promise<ListId> {
    const { store, intake, sliceSize } = this.deps;
    const { fileId, order, dedupKey, keepsRepeats } = request;
    if (!order.replace && (await store.files.find(fileId)) !== null) throw fileExistsError();
    const { list, addresses } = await request.open(id);
    const preparation = { id, owner: lease.owner, addresses, dedupKey, keepsRepeats, sliceSize };
    const prepared = await prepareSlices(store.submissions, preparation);
    if (prepared === null) throw interrupted();
    const { total, repeats } = prepared;
    if (total === 0) throw new InvalidInput([{ field: 'column', message: 'has no addresses' }]);
    const known = orderToText({ ...order, list, totalEmails: total, repeats });
    const step = { total, order: known, dueInMs: lease.ms };
    if ((await store.submissions.advance(id, lease.owner, step)) !== 'done') throw interrupted();
    await intake.register(registrationOf(fileId, id, order, total), order.claimant);
    return list.listId;
  }

  /** Nothing was sent, so the key is free. What is registered all the same goes on when its lease has ended. */
  async #giveUp(id: string, fileId: FileId): Promise<void> {
    const { files, submissions } = this.deps.store;
    try {
      if ((await files.find(fileId))?.requestId !== id) await submissions.end(id);
    } catch {
      // The store is away: the next sweep of submissions ends it.
    }
  }

  async #open(id: string, lease: Lease, fileId: FileId, listId: ListId): Promise<void> {
    const { store, intake, attachList, stopping } = this.deps;
    const step = { state: 'open', dueInMs: lease.ms } as const;
    await untilStored(stopping, () => attachList(listId, fileId, id));
    const open = () => intake.change(fileId, () => store.submissions.advance(id, lease.owner, step));
    if ((await untilStored(stopping, open)) === 'over') throw new Fault('file_not_found');
  }
}

const interrupted = () =>
  new Fault('unavailable', 'the submission was interrupted', { retryAfterSeconds: 1 });

/** The file says from the start how much is to be submitted. */
const registrationOf = (
  fileId: FileId,
  requestId: RequestId,
  { replace }: ListRequest['order'],
  total: number,
) => ({
  fileId,
  requestId,
  userId: null,
  totalEmails: total,
  totalBatches: null,
  batches: [],
  ...(replace ? {} : { intent: 'create' as const }),
  submission: { total, submitted: 0, uncertain: 0, error: null },
});

/** How far a list is now, with the batches that the validator has made so far. */
async function listAnswer(
  store: Store,
  { id, fileId, requestId, order, progress }: Submission,
): Promise<string> {
  const slices = await store.submissions.slices(id);
  const batchIds = slices.flatMap(({ acceptance }) =>
    acceptance === null ? [] : acceptanceFromText(acceptance).batchIds,
  );
  const { totalEmails, repeats } = orderFromText(order);
  const facts = await store.files.find(fileId);
  const status = facts?.requestId === requestId ? await statusOfFile(facts, store) : 'superseded';
  return JSON.stringify({ fileId, requestId, batchIds, totalEmails, repeats, status, submission: progress });
}
