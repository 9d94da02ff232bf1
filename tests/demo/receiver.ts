/** A server in the gateway's place that receives updates. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTeardown } from '../support/teardown.js';
import { Signal } from '../support/wait.js';

/** An update as on the wire. */
export interface Message {
  readonly batchId: string;
  readonly isComplete: boolean;
  readonly validatedEmails: readonly {
    readonly email: string;
    readonly status: string;
    readonly details: Details;
  }[];
  readonly totalEmails: number;
  readonly processedCount: number;
  readonly lastUpdated: string;
}

interface Details {
  readonly general: { readonly reason: string };
  readonly sub_status: string | null;
}

export interface Delivery {
  readonly text: string;
  readonly message: Message;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The status that it was answered with. */
  readonly status: number;
}

type Respond = (message: Message, response: ServerResponse) => void | Promise<void>;

const take: Respond = (_, response) => void response.writeHead(202).end('{"outcome":"applied"}');

/** Answers the first updates with an error, and accepts the others. */
export function failing(times: number, status: number, headers: Record<string, string> = {}): Respond {
  let left = times;
  return (message, response) => {
    if (left-- > 0) response.writeHead(status, headers).end();
    else return take(message, response);
  };
}

/** Accepts updates and keeps them in the order of arrival. */
export class Receiver {
  readonly deliveries: Delivery[] = [];
  readonly #signal = new Signal();

  private constructor(readonly url: string) {}

  static async start(respond: Respond = take): Promise<Receiver> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      if (request.method !== 'POST' || request.url !== '/api/updates') {
        response.writeHead(404).end();
        return;
      }
      const message = JSON.parse(text) as Message;
      await respond(message, response);
      const { statusCode: status } = response;
      receiver.deliveries.push({ text, message, headers: request.headers, status });
      receiver.#signal.changed();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(`http://127.0.0.1:${port}`);
    onTeardown(async () => {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    });
    return receiver;
  }

  /** The accepted updates of a batch. */
  of(batchId: string): Message[] {
    return this.deliveries
      .filter(({ message, status }) => message.batchId === batchId && status === 202)
      .map(({ message }) => message);
  }

  async until(condition: () => boolean): Promise<void> {
    await this.#signal.until(condition, () =>
      JSON.stringify(
        this.deliveries.map(({ message, status }) => [
          message.batchId,
          message.processedCount,
          message.isComplete,
          status,
        ]),
      ),
    );
  }

  /** Fulfilled when all batches are complete. @returns their updates, in the order of the ids */
  async complete(batchIds: readonly string[]): Promise<Message[][]> {
    const isComplete = (id: string) => this.of(id).some((message) => message.isComplete);
    await this.until(() => batchIds.every(isComplete));
    return batchIds.map((id) => this.of(id));
  }
}

/** The number of results of each update. `!` marks the complete ones. */
export const counts = (messages: readonly Message[]): string[] =>
  messages.map(({ processedCount, isComplete }) => `${processedCount}${isComplete ? '!' : ''}`);
