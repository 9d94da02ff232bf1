import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { ValidatorOptions, Vices } from '../options.js';
import { chance } from '../verdict/chance.js';
import type { Flags } from '../verdict/findings.js';
import { type Batch, MAX_OF_ONE_BATCH, slicesOf } from '../work/batch.js';
import { validate } from '../work/run.js';
import type { Workshop } from '../work/workshop.js';
import { type Answer, BROKEN, isEncodable, json, Refusal, refusal } from './answer.js';
import { requireKey, requireUser, userOf } from './callers.js';
import { readJson, readSubmission } from './pydantic.js';
import { RateLimit } from './rate-limit.js';
import type { Call } from './server.js';

/** `POST /validate-batch`: what is looked at first is refused first, in the order of the real one. */
export class Submissions {
  readonly #limit: RateLimit;
  #batches = 0;
  #taken = 0;

  constructor(
    private readonly options: ValidatorOptions,
    private readonly workshop: Workshop,
  ) {
    this.#limit = new RateLimit(options.submissionsPerMinute);
  }

  /** @throws Refusal */
  async answer({ headers, body }: Call): Promise<Answer> {
    const sent = readJson(body, headers['content-type']);
    requireKey(headers, this.options.apiKey);
    const { emails, flags } = readSubmission(sent);
    this.#limit.count(userOf(headers));
    requireUser(headers);
    if (emails.length === 0) throw refusal(400, 'No emails provided');
    if (!emails.every(isEncodable)) throw new Refusal(BROKEN);
    const { seed, vices } = this.options;
    const number = this.#taken++;
    const happens = (vice: keyof Vices) => chance(`${seed} submission ${number}`, vice) < vices[vice];
    const [only] = emails;
    const answer =
      only !== undefined && emails.length === 1
        ? json(this.#atOnce(only, flags))
        : await this.#queued(emails, flags, happens('lost'));
    if (happens('error')) throw refusal(500, 'Failed to queue validation request');
    if (happens('mute')) return { ...answer, wire: 'mute' };
    return happens('torn') ? { ...answer, wire: 'torn' } : answer;
  }

  /** The only result is in the answer; it is never published. */
  #atOnce(email: string, flags: Flags): object {
    const results = [validate(email, flags, this.options.vices)];
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
    if (!this.workshop.hasRoomFor(emails.length)) throw refusal(500, 'Failed to queue validation request');
    const batches = slicesOf(emails).map(
      (slice): Batch => ({ batchId: randomUUID(), number: this.#batches++, emails: slice, flags }),
    );
    const batchIds = batches.map(({ batchId }) => batchId);
    const totalEmails = emails.length;
    const requestId = randomUUID();
    const isMultiBatch = totalEmails > MAX_OF_ONE_BATCH;
    if (isMultiBatch) this.workshop.archive.register({ requestId, batchIds, totalEmails });
    if (!isLost) this.workshop.add(batches);
    if (isMultiBatch) await this.#group(requestId, batchIds);
    // The workers have begun: what they find out first may arrive before the answer does.
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

  /** As with the real one, the batches are under way by now, whatever the caller is told. */
  async #group(requestId: string, batchIds: readonly string[]): Promise<void> {
    try {
      await this.workshop.group(requestId, batchIds);
    } catch {
      throw refusal(500, 'Failed to queue validation request');
    }
  }
}

/** The real one reckons with 1.5 s for an address, whatever its workers do. */
const estimate = (emails: number): string => `${Math.floor((emails * 1.5) / 60) + 1} minutes`;
