import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Faults, ValidatorOptions } from '../options.js';
import { chance } from '../verdict/chance.js';
import type { Flags } from '../verdict/findings.js';
import { type Batch, MAX_OF_ONE_BATCH, slicesOf } from '../work/batch.js';
import { validate } from '../work/run.js';
import type { WorkerPool } from '../work/worker-pool.js';
import { type Answer, BROKEN, isEncodable, json, Refusal, refusal } from './answer.js';
import { RateLimit, requireKey, requireUser, userOf } from './callers.js';
import { readJson, readSubmission } from './pydantic.js';
import type { Call } from './server.js';

/** `POST /validate-batch`. The checks come in the real validator's order, which decides the error that is answered. */
export class Submissions {
  readonly #limit: RateLimit;
  #batches = 0;
  #taken = 0;

  constructor(
    private readonly options: ValidatorOptions,
    private readonly workerPool: WorkerPool,
  ) {
    this.#limit = new RateLimit(options.submissionsPerMinute);
  }

  /** @throws Refusal */
  async answer({ headers, body }: Call): Promise<Answer> {
    const { seed, faults } = this.options;
    const number = this.#taken++;
    const happens = (fault: keyof Faults) => chance(`${seed} submission ${number}`, fault) < faults[fault];
    if (happens('down')) throw refusal(503, 'Service Unavailable');
    const sent = readJson(body, headers['content-type']);
    requireKey(headers, this.options.apiKey);
    const { emails, flags } = readSubmission(sent);
    this.#limit.count(userOf(headers));
    requireUser(headers);
    if (emails.length === 0) throw refusal(400, 'No emails provided');
    if (!emails.every(isEncodable)) throw new Refusal(BROKEN);
    const [only] = emails;
    const answer =
      only !== undefined && emails.length === 1
        ? json(this.#atOnce(only, flags))
        : await this.#queued(emails, flags, happens('lost'));
    if (happens('error')) throw refusal(500, 'Failed to queue validation request');
    if (happens('mute')) return { ...answer, wire: 'mute' };
    return happens('torn') ? { ...answer, wire: 'torn' } : answer;
  }

  /** A single address is answered with its result, which is never published. */
  #atOnce(email: string, flags: Flags): object {
    const results = [validate(email, flags, this.options.faults)];
    const status = 'completed';
    return {
      batchId: randomUUID(),
      status,
      totalEmails: 1,
      processedEmails: 1,
      estimatedTime: null,
      results,
    };
  }

  async #queued(emails: readonly string[], flags: Flags, isLost: boolean): Promise<Answer> {
    if (!this.workerPool.hasRoomFor(emails.length)) throw refusal(500, 'Failed to queue validation request');
    const batches = slicesOf(emails).map(
      (slice): Batch => ({ batchId: randomUUID(), number: this.#batches++, emails: slice, flags }),
    );
    const batchIds = batches.map(({ batchId }) => batchId);
    const totalEmails = emails.length;
    const requestId = randomUUID();
    const isMultiBatch = totalEmails > MAX_OF_ONE_BATCH;
    if (isMultiBatch) this.workerPool.archive.register({ requestId, batchIds, totalEmails });
    if (!isLost) this.workerPool.add(batches);
    if (isMultiBatch) await this.#group(requestId, batchIds);
    // The workers have begun: the first updates may arrive before this answer does.
    await setTimeout(this.options.answerDelayMs);
    const state = {
      status: 'processing',
      totalEmails,
      processedEmails: 0,
      estimatedTime: estimate(totalEmails),
    };
    return json(
      isMultiBatch
        ? { requestId, batchIds, ...state, isMultiBatch }
        : { batchId: batchIds[0], ...state, results: null },
    );
  }

  /** As in the real validator, the workers have begun by now, even if the caller gets an error. */
  async #group(requestId: string, batchIds: readonly string[]): Promise<void> {
    try {
      await this.workerPool.group(requestId, batchIds);
    } catch {
      throw refusal(500, 'Failed to queue validation request');
    }
  }
}

/** The real validator estimates 1.5 s for an address, whatever the number of workers. */
const estimate = (emails: number): string => `${Math.floor((emails * 1.5) / 60) + 1} minutes`;
