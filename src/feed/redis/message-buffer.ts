import type { Message } from './message.js';

/** Bytes that may wait in all the backlogs of a gateway together. */
export interface ByteBudget {
  bytes: number;
}

/** Live messages of one file, in order, that wait until its history is read. */
export class MessageBuffer {
  #messages: Message[] = [];
  #bytes = 0;

  constructor(private readonly budget: ByteBudget) {}

  /** False: there is no room left, and everything that waited here is dropped; the history has it. */
  add(message: Message): boolean {
    const bytes = message.payload.length;
    if (bytes > this.budget.bytes) {
      this.take();
      return false;
    }
    this.#messages.push(message);
    this.#bytes += bytes;
    this.budget.bytes -= bytes;
    return true;
  }

  take(): Message[] {
    const messages = this.#messages;
    this.budget.bytes += this.#bytes;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
