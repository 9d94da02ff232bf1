/** Starts a database thread and calls its operations from the main thread. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Fault } from '../../../errors.js';
import { type ThreadData, type ThreadReply, thrownBy } from './messages.js';
import type { OperationOf } from './operations.js';

type Method = (...args: never[]) => Promise<unknown>;
type Parts = Record<string, Record<string, Method>>;
type MethodOf<T extends Parts, O> = O extends `${infer P}.${infer K}` ? T[P & keyof T][K] : never;
type Args<T extends Parts, O> = Parameters<MethodOf<T, O>>;
type Result<T extends Parts, O> = Awaited<ReturnType<MethodOf<T, O>>>;
export type CallOf<T extends Parts> = <O extends OperationOf<T>>(
  operation: O,
  ...args: Args<T, O>
) => Promise<Result<T, O>>;
type Call<T extends Parts, O> = readonly [operation: O, ...args: Args<T, O>];

/** Objects that a thread makes for a request die young: more room for them costs memory and saves no time. */
const YOUNG_MB = 6;

export class ThreadClient<T extends Parts> {
  readonly #worker: Worker;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  /** Work of which some calls may be still to be made. */
  readonly #inSteps = new Set<Promise<unknown>>();
  #lastId = 0;
  #closing: Promise<void> | undefined;
  #isOpen = false;
  #ended: Fault | undefined;

  private constructor(data: ThreadData) {
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker.on('message', (replies: readonly ThreadReply[]) => {
      for (const reply of replies) this.#receive(reply);
    });
    this.#worker.on('error', (error) => this.#abandon(error));
    this.#worker.on('exit', () => this.#abandon(new Error('the database thread has ended')));
  }

  /** @throws FatalError where the database cannot be opened */
  static async start<T extends Parts>(data: ThreadData): Promise<ThreadClient<T>> {
    const client = new ThreadClient<T>(data);
    try {
      await client.#expect(0);
      client.#isOpen = true;
      return client;
    } catch (error) {
      await client.#worker.terminate();
      throw error;
    }
  }

  async call<O extends OperationOf<T>>(operation: O, ...args: Args<T, O>): Promise<Result<T, O>> {
    this.#refuseIfClosing();
    return this.#ask([operation, ...args]);
  }

  /** The calls of a part of the port that the thread answers as they are, by their names. */
  part<P extends keyof T & string, K extends keyof T[P] & string>(
    part: P,
    calls: Readonly<Record<K, unknown>>,
  ): Pick<T[P], K> {
    const names = Object.keys(calls) as K[];
    const ask =
      (name: K) =>
      (...args: never[]) =>
        this.call(`${part}.${name}`, ...(args as never));
    return Object.fromEntries(names.map((name) => [name, ask(name)])) as unknown as Pick<T[P], K>;
  }

  /** Makes several calls, which `close` waits for as for one. */
  async inSteps<R>(work: (call: CallOf<T>) => Promise<R>): Promise<R> {
    this.#refuseIfClosing();
    const done = work((operation, ...args) => this.#ask([operation, ...args]));
    this.#inSteps.add(done);
    return done.finally(() => this.#inSteps.delete(done));
  }

  #refuseIfClosing(): void {
    if (this.#closing !== undefined)
      throw new Fault('unavailable', 'the database is closing', { retryAfterSeconds: 1 });
  }

  async #ask<K extends OperationOf<T>>([operation, ...args]: Call<T, K>): Promise<Result<T, K>> {
    // A thread that is gone would never answer.
    if (this.#ended !== undefined) throw this.#ended;
    const id = ++this.#lastId;
    const reply = this.#expect(id);
    this.#worker.postMessage({ id, operation, args });
    return (await reply) as Result<T, K>;
  }

  /** Lets the calls in progress finish, then ends the thread. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    await Promise.allSettled(this.#inSteps);
    this.#worker.postMessage('close');
    await ended;
  }

  #expect(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #receive(reply: ThreadReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(thrownBy(reply.error));
    else waiting?.resolve(reply.value);
  }

  #abandon(cause: unknown): void {
    this.#ended ??= new Fault('unavailable', 'the database thread has ended', {
      cause,
      retryAfterSeconds: 1,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
    if (!this.#isOpen || this.#closing !== undefined) return;
    this.#isOpen = false;
    // Nothing works without the thread. Thrown from an event, this ends the process, and the supervisor starts it again.
    throw this.#ended;
  }
}
