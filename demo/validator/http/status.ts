/** The validator's status calls: the progress of a batch or of a request. */
import type { ValidatorOptions } from '../options.js';
import { timestamp } from '../verdict/result.js';
import type { Archive } from '../work/archive.js';
import { resultsOf } from '../work/update.js';
import { type Answer, json, refusal } from './answer.js';
import { RateLimit, requireKey, requireUser, userOf } from './callers.js';
import type { Call } from './server.js';

export class StatusCalls {
  readonly #limit: RateLimit;

  constructor(
    private readonly options: ValidatorOptions,
    private readonly archive: Archive,
  ) {
    this.#limit = new RateLimit(options.statusPerMinute);
  }

  /** `GET /validation-status/{batchId}`. As in the real validator, an unknown batch is being processed for ever. */
  ofBatch(batchId: string, call: Call): Answer {
    this.#admit(call);
    if (this.archive.request(batchId) !== undefined) {
      const location = `${this.options.basePath}/multi-validation-status/${batchId}`;
      return { status: 307, headers: { location } };
    }
    const update = this.archive.update(batchId);
    if (update === undefined) {
      const nothing = { totalEmails: null, processedEmails: null, results: null, lastUpdated: null };
      return json({ batchId, status: 'processing', message: 'Validation in progress', ...nothing });
    }
    const { isComplete, totalEmails, processedCount: processedEmails, lastUpdated } = update;
    const status = isComplete ? 'completed' : 'processing';
    const results = resultsOf(update).map((text): unknown => JSON.parse(text));
    return json({ batchId, status, message: null, totalEmails, processedEmails, results, lastUpdated });
  }

  /** `GET /multi-validation-status/{requestId}` */
  ofRequest(requestId: string, call: Call): Answer {
    this.#admit(call);
    const request = this.archive.request(requestId);
    if (request === undefined) throw refusal(404, 'Multi-batch request not found');
    const { batchIds, totalEmails } = request;
    const batches = batchIds.map((batchId) => {
      const { isComplete = false, processedCount = 0, totalEmails = 0 } = this.archive.update(batchId) ?? {};
      const status = isComplete ? 'completed' : 'processing';
      return { batchId, status, processedEmails: processedCount, totalEmails };
    });
    const processedEmails = batches.reduce((sum, batch) => sum + batch.processedEmails, 0);
    const status = batches.every((batch) => batch.status === 'completed') ? 'completed' : 'processing';
    const percentage = Math.floor((processedEmails / totalEmails) * 100);
    const progress = `${processedEmails}/${totalEmails} (${percentage}%)`;
    const counts = { status, totalEmails, processedEmails, progress };
    return json({ requestId, batchIds, ...counts, isMultiBatch: true, batches, lastUpdated: timestamp() });
  }

  #admit({ headers, path }: Call): void {
    requireKey(headers, this.options.apiKey);
    this.#limit.count(`${userOf(headers)} ${path}`);
    requireUser(headers);
  }
}
