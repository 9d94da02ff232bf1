/** A listener that reconnects and recovers as Socket.IO's client does, cheap enough for thousands in one process. */
import WebSocket from 'ws';

/** Where a listener is in a file's feed. */
interface Position {
  epoch: string;
  revision: number;
}

const SUBSCRIBE = 'subscribe';
const EVENT = '42["file_emails",';
const ANSWER = '430';
/** An event's own fields are within its first characters; the results follow. */
const HEAD_LENGTH = 300;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;
/** A listener that has not moved for so long may be behind; what comes sooner is on time. */
const QUIET_MS = 100;

/**
 * It reconnects whenever its connection ends, with pauses like those of Socket.IO's client, and counts missing events.
 * It reads only the start of each event: all listeners are sent the same bytes.
 */
export class ReconnectingListener {
  position: Position | null = null;
  /** Processed addresses, from the last stats. */
  processed = 0;
  gaps = 0;
  /** Attempts to connect. */
  attempts = 0;
  /** Time of each answer to `subscribe`, by the clock that all processes share. */
  readonly answeredAt: number[] = [];
  readonly recoveries: boolean[] = [];
  /** Time from the start of an attempt to its answer. */
  readonly catchUps: number[] = [];
  /** Where it stood for a while, and when it went on, by the same clock. */
  readonly behind: (readonly [revision: number, wentOnAt: number])[] = [];
  #movedAt = 0;
  #socket: WebSocket | null = null;
  /** Delay before the reconnect that the gateway asked for when it closed. */
  #advisedWaitMs: number | null = null;
  #attempts = 0;
  #early: string[] = [];
  #openedAt = 0;
  #isOver = false;

  constructor(
    private readonly url: string,
    private readonly fileId: string,
  ) {}

  get isListening(): boolean {
    return this.#attempts === 0 && this.#socket !== null;
  }

  connect(): void {
    this.#openedAt = performance.now();
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    this.#socket = socket;
    this.#attempts++;
    this.attempts++;
    this.#early = [];
    socket.on('message', (data: Buffer) => this.#onMessage(socket, data));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (!this.#isOver && !this.isAway) this.#reconnectLater();
    });
  }

  isAway = false;

  /** Closes the connection and reconnects after a while. */
  drop(forMs: number): void {
    this.isAway = true;
    this.#socket?.terminate();
    this.#socket = null;
    setTimeout(() => {
      this.isAway = false;
      this.connect();
    }, forMs);
  }

  end(): void {
    this.#isOver = true;
    this.#socket?.terminate();
  }

  #reconnectLater(): void {
    const wait =
      Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#attempts, 6)) * (0.5 + Math.random());
    setTimeout(() => this.connect(), this.#advisedWaitMs ?? wait);
    this.#advisedWaitMs = null;
  }

  #onMessage(socket: WebSocket, data: Buffer): void {
    const start = data.toString('latin1', 0, 20);
    if (start === '2') socket.send('3');
    else if (start.startsWith('0')) socket.send('40');
    else if (start.startsWith('40')) this.#subscribe(socket);
    else if (start.startsWith(ANSWER)) this.#onAnswer(JSON.parse(data.toString().slice(ANSWER.length))[0]);
    else if (data.toString('latin1', 0, EVENT.length) === EVENT)
      this.#onEmails(data.toString('utf8', 0, HEAD_LENGTH));
    else if (start.startsWith('42["server_drai'))
      this.#advisedWaitMs = Number(/\d+/.exec(data.toString('latin1', 2))?.[0]);
    else if (start.startsWith('42["file_stats"')) this.#onStats(data.toString());
  }

  #subscribe(socket: WebSocket): void {
    const since = this.position === null ? {} : { since: this.position };
    socket.send(`420${JSON.stringify([SUBSCRIBE, { fileId: this.fileId, ...since }])}`);
  }

  #onAnswer(
    answer: { ok: boolean; recovered: boolean; stats: { progress: { processed: number } } } & Position,
  ): void {
    if (!answer.ok) {
      this.#socket?.terminate();
      return;
    }
    this.#attempts = 0;
    this.#moveTo({ epoch: answer.epoch, revision: answer.revision });
    this.processed = answer.stats.progress.processed;
    this.answeredAt.push(Date.now());
    this.recoveries.push(answer.recovered);
    this.catchUps.push(performance.now() - this.#openedAt);
    for (const head of this.#early.splice(0)) this.#onEmails(head);
  }

  /** Events may arrive before the answer. They are kept and read after it. */
  #onEmails(head: string): void {
    if (this.#attempts > 0) {
      this.#early.push(head);
      return;
    }
    const [, epoch = '', revision = '0', previous = '0'] =
      /"epoch":"([^"]*)","revision":(\d+),"previous":(\d+)/.exec(head) ?? [];
    if (this.position === null || Number(revision) <= this.position.revision) return;
    if (epoch !== this.position.epoch || Number(previous) > this.position.revision) this.gaps++;
    this.#moveTo({ epoch, revision: Number(revision) });
  }

  #moveTo(position: Position): void {
    const now = Date.now();
    if (this.position !== null && now - this.#movedAt > QUIET_MS)
      this.behind.push([this.position.revision, now]);
    this.#movedAt = now;
    this.position = position;
  }

  #onStats(text: string): void {
    this.processed = Number(/"processed":(\d+)/.exec(text)?.[1] ?? 0);
  }
}
