import {
  FileCopy,
  type FileEmails,
  type FileListener,
  type ListenerOptions,
  type ListenerState,
  listenToFile,
  type Stats,
} from '../../src/client/index.js';
import { type FakeGateway, FILE } from './fake-gateway.js';

/** A listener that records every callback, the way a user of the SDK would. */
export class Recorder {
  readonly copy = new FileCopy();
  readonly calls: string[] = [];
  readonly states: ListenerState[] = [];
  readonly listener: FileListener;
  stats: Stats | undefined;
  /** Events that were handed over although they do not follow on what was there before. */
  readonly outOfOrder: FileEmails[] = [];
  #at = { epoch: '', revision: 0 };

  constructor(gateway: FakeGateway, options: ListenerOptions = {}) {
    this.listener = listenToFile(gateway, FILE, {
      onSnapshot: (snapshot) => {
        this.calls.push(`snapshot ${snapshot.epoch}/${snapshot.revision}`);
        this.copy.startOver(snapshot.emails?.emails ?? []);
        this.stats = snapshot.stats;
        this.#at = snapshot;
      },
      onStats: (stats) => {
        this.calls.push(`stats ${stats.epoch}/${stats.revision}`);
        this.stats = stats;
      },
      onTruncated: (truncated, { epoch, revision }) => {
        const places = truncated.map(({ batchId, length }) => `${batchId}:${length}`);
        this.calls.push(`truncated ${epoch}/${revision} ${places.join()}`);
      },
      onEmails: (event) => {
        this.calls.push(`emails ${event.epoch}/${event.revision}`);
        const follows = event.epoch === this.#at.epoch && event.previous <= this.#at.revision;
        if (!follows || event.revision <= this.#at.revision) this.outOfOrder.push(event);
        this.#at = event;
        this.copy.apply(event);
      },
      onDeleted: () => {
        this.calls.push('deleted');
        this.copy.startOver([]);
        this.stats = undefined;
      },
      onUnsubscribed: (code) => this.calls.push(`unsubscribed ${code}`),
      onState: (state) => this.states.push(state),
      ...options,
    });
  }

  get places(): string[] {
    return [...this.copy.results()]
      .map(({ batchId, position, email }) => `${batchId}:${position}=${email}`)
      .sort();
  }
}

export function placesOf(gateway: FakeGateway): string[] {
  return gateway
    .results()
    .map(({ batchId, position, email }) => `${batchId}:${position}=${email}`)
    .sort();
}
