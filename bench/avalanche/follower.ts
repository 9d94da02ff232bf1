import WebSocket from 'ws';

/** How a listener knows where it is in a file. */
interface Position {
  epoch: string;
  revision: number;
}

const SUBSCRIBE = 'subscribe';
const EVENT = '42["file_emails",';
const ANSWER = '430';
/** An event's own fields stand in front of its results. */
const HEAD_LENGTH = 300;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/**
 * A listener that comes back whenever its connection ends, with pauses like Socket.IO's client, and notes whether anything
 * was missing. It reads the heads of events: all listeners are sent the same bytes, so those say what it has.
 */
export class Follower {
  position: Position | null = null;
  /** Results in the stats that it was told last. */
  processed = 0;
  gaps = 0;
  /** When it was answered, each time, by the clock of all processes. */
  readonly answeredAt: number[] = [];
  readonly recoveries: boolean[] = [];
  /** From the start of an attempt to the answer. */
  readonly catchUps: number[] = [];
  #socket: WebSocket | null = null;
  /** When to come back, as the gateway said before it closed. */
  #advised: number | null = null;
  #attempts = 0;
  #early: string[] = [];
  #openedAt = 0;
  #isOver = false;

  constructor(
    public url: string,
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
    this.#early = [];
    socket.on('message', (data: Buffer) => this.#hear(socket, data));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (!this.#isOver && !this.isAway) this.#later();
    });
  }

  isAway = false;

  /** Loses its connection, and is back after a while. */
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

  #later(): void {
    const wait =
      Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#attempts, 6)) * (0.5 + Math.random());
    setTimeout(() => this.connect(), this.#advised ?? wait);
    this.#advised = null;
  }

  #hear(socket: WebSocket, data: Buffer): void {
    const start = data.toString('latin1', 0, 20);
    if (start === '2') socket.send('3');
    else if (start.startsWith('0')) socket.send('40');
    else if (start.startsWith('40')) this.#subscribe(socket);
    else if (start.startsWith(ANSWER)) this.#take(JSON.parse(data.toString().slice(ANSWER.length))[0]);
    else if (data.toString('latin1', 0, EVENT.length) === EVENT)
      this.#follow(data.toString('utf8', 0, HEAD_LENGTH));
    else if (start.startsWith('42["server_drai'))
      this.#advised = Number(/\d+/.exec(data.toString('latin1', 2))?.[0]);
    else if (start.startsWith('42["file_stats"')) this.#count(data.toString());
  }

  #subscribe(socket: WebSocket): void {
    const since = this.position === null ? {} : { since: this.position };
    socket.send(`420${JSON.stringify([SUBSCRIBE, { fileId: this.fileId, ...since }])}`);
  }

  #take(
    answer: { ok: boolean; recovered: boolean; stats: { progress: { processed: number } } } & Position,
  ): void {
    if (!answer.ok) {
      this.#socket?.terminate();
      return;
    }
    this.#attempts = 0;
    this.position = { epoch: answer.epoch, revision: answer.revision };
    this.processed = answer.stats.progress.processed;
    this.answeredAt.push(Date.now());
    this.recoveries.push(answer.recovered);
    this.catchUps.push(performance.now() - this.#openedAt);
    for (const head of this.#early.splice(0)) this.#follow(head);
  }

  /** Events may come before the answer: those are looked at when it is there. */
  #follow(head: string): void {
    if (this.#attempts > 0) {
      this.#early.push(head);
      return;
    }
    const [, epoch = '', revision = '0', previous = '0'] =
      /"epoch":"([^"]*)","revision":(\d+),"previous":(\d+)/.exec(head) ?? [];
    if (this.position === null || Number(revision) <= this.position.revision) return;
    if (epoch !== this.position.epoch || Number(previous) > this.position.revision) this.gaps++;
    this.position = { epoch, revision: Number(revision) };
  }

  #count(text: string): void {
    this.processed = Number(/"processed":(\d+)/.exec(text)?.[1] ?? 0);
  }
}
