/** Turns the plan of a file into calls and messages, and carries them out in a random order. */
import { Oracle } from './oracle.js';
import type { Message, Producer } from './producer.js';
import { mixed } from './results.js';
import { type FilePlan, messagesOf, type RequestPlan, type Scenario } from './scenario.js';

/** An action with its time. It runs after the actions it depends on. */
export interface Action {
  readonly at: number;
  readonly after: readonly Action[];
  readonly run: () => Promise<unknown>;
}

/** Runs the actions by their time, this many in parallel. */
export async function perform(actions: readonly Action[], atOnce: number): Promise<void> {
  const started = new Map<Action, Promise<unknown>>();
  const start = (action: Action): Promise<unknown> => {
    const known = started.get(action);
    if (known !== undefined) return known;
    const running = Promise.all(action.after.map(start)).then(() => action.run());
    started.set(action, running);
    return running;
  };
  const queue = [...actions].sort((a, b) => a.at - b.at).values();
  const worker = async () => {
    for (const action of queue) await start(action);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** One file of a scenario: its calls and messages, and the oracle that knows the expected outcome. */
export class ScenarioFile {
  readonly oracle: Oracle;
  readonly actions: Action[] = [];
  #tick = 0;

  constructor(
    readonly fileId: string,
    private readonly producer: Producer,
    private readonly scenario: Scenario,
    private readonly plan: FilePlan,
  ) {
    this.oracle = new Oracle(fileId);
    let registration: Action[] = [];
    plan.requests.forEach((request, index) => {
      const isNamed = plan.requests.length > 1 || this.#chance() < 0.5;
      const script = {
        request,
        requestId: isNamed ? `${fileId} request ${index}` : undefined,
        batchIds: request.batches.map((_, number) => `${fileId}/r${index}/b${number}`),
        // A later request is registered after the earlier one, whose worker keeps running.
        after: registration,
      };
      registration =
        plan.registration === 'by its messages' ? this.#byMessages(script) : this.#byHand(script);
    });
  }

  /** Sends a last batch of one address. It is announced after everything that was answered before it. */
  async closeWith(batchId: string): Promise<void> {
    const batches = [{ batchId, totalEmails: 1 }];
    await this.producer.register(this.fileId, { batches });
    this.oracle.registered({ batches });
    const result = { email: 'the last@example.com', status: 'risky', risk_level: 'low', details: null };
    await this.#send({
      batchId,
      isComplete: true,
      totalEmails: 1,
      processedCount: 1,
      validatedEmails: [result],
    });
  }

  /** Adds another action for this file, between the first message and the last. */
  also(run: () => Promise<unknown>, after: readonly Action[] = []): Action {
    return this.#act(after, run);
  }

  #byHand({ request, requestId, batchIds, after }: Script): Action[] {
    const sizes = request.batches.map(({ size }) => size);
    const list = {
      ...(requestId !== undefined && { requestId }),
      // More addresses than its batches have: some were never given to a worker.
      ...(request.declaresTotal && { totalEmails: sizes.reduce((a, b) => a + b, 2) }),
      batches: request.batches.map(({ size, isSizeKnown }, number) => ({
        batchId: batchIds[number] ?? '',
        ...(isSizeKnown && { totalEmails: size }),
      })),
    };
    const registration = this.#act(
      after,
      async () => {
        await this.producer.register(this.fileId, list);
        this.oracle.registered(list);
      },
      after.length === 0 && this.plan.registration === 'before' ? -1 : undefined,
    );
    // Updates before the registration are held until it arrives.
    const isFirst = this.plan.registration === 'before';
    this.#sendAll({ request, requestId, batchIds, after: isFirst ? [registration] : [] }, isFirst);
    return [registration];
  }

  /**
   * The first message of each batch in turn, so that the order of the batches is known. Then the others in any order.
   */
  #byMessages({ request, requestId, batchIds, after }: Script): Action[] {
    const naming = { fileId: this.fileId, ...(requestId !== undefined && { requestId }) };
    const totalBatches = request.declaresBatches ? { totalBatches: batchIds.length } : {};
    let last = after;
    for (const batchId of batchIds) {
      const nothing = { isComplete: false, totalEmails: 20, processedCount: 0, validatedEmails: [] };
      const first = this.#act(last, async () => {
        await this.#send({ batchId, ...naming, ...totalBatches, ...nothing });
        this.oracle.registered({ requestId, ...totalBatches, batches: [{ batchId }] });
      });
      last = [first];
    }
    this.#sendAll({ request, requestId, batchIds, after: last }, true);
    return [...last];
  }

  #sendAll({ request, requestId, batchIds, after }: Script, mayName: boolean): void {
    request.batches.forEach((plan, number) => {
      let previous: Action[] = [];
      for (const message of messagesOf(batchIds[number] ?? '', plan, this.scenario)) {
        const naming = {
          ...(mayName && this.#chance() < 0.5 && { fileId: this.fileId }),
          ...(requestId !== undefined && this.#chance() < 0.5 && { requestId }),
        };
        const send = this.#act([...after, ...previous], () => this.#send({ ...message, ...naming }));
        if (plan.inTurn) previous = [send];
      }
    });
  }

  async #send(message: Message): Promise<void> {
    const answered = this.oracle.sending(message);
    await this.producer.update(message);
    answered();
  }

  #act(after: readonly Action[], run: () => Promise<unknown>, at = this.#chance()): Action {
    const action = { after, run, at: Math.max(at, ...after.map((one) => one.at)) };
    this.actions.push(action);
    return action;
  }

  /** A pseudo-random number that is the same in every run. */
  #chance(): number {
    return mixed(this.scenario.seed, this.#tick++, this.fileId.length) / 2 ** 32;
  }
}

interface Script {
  readonly request: RequestPlan;
  readonly requestId: string | undefined;
  readonly batchIds: readonly string[];
  readonly after: readonly Action[];
}
