/** Sends answers that may be large, and bounds what all of them together keep in memory for clients that do not read. */
import type { Response } from 'express';
import { textPortions } from '../portions.js';
import { sendText } from './export/send-text.js';
import { sendJson } from './responses.js';

interface LargeAnswersConfig {
  readonly MAX_UNREAD_BYTES: number;
  readonly EXPORT_IDLE_MS: number;
}

/** Shorter ones are handed to the system at once; what waits there is the system's to bound. */
const LARGE_CHARS = 64 * 1024;

export class LargeAnswers {
  /** How many bytes wait for each. The one that has read nothing for the longest comes first. */
  readonly #waiting = new Map<Response, number>();
  #bytes = 0;

  constructor(private readonly config: LargeAnswersConfig) {}

  /** A connection that reads nothing for `EXPORT_IDLE_MS` ends, or sooner, where others need its room. */
  async send(res: Response, json: string, status = 200): Promise<void> {
    if (json.length <= LARGE_CHARS) return sendJson(res, json, status);
    this.#add(res, json.length);
    try {
      await sendText(res, this.#pieces(res, json), this.config.EXPORT_IDLE_MS, async () => {
        res.statusCode = status;
        res.setHeader('Content-Type', 'application/json; charset=utf-8');
        res.setHeader('Content-Length', Buffer.byteLength(json));
      });
    } finally {
      this.#remove(res);
    }
  }

  /** Each piece is asked for once the client has read enough of those before it. */
  async *#pieces(res: Response, json: string): AsyncGenerator<string> {
    for (const piece of textPortions(json, LARGE_CHARS)) {
      yield piece;
      if (this.#waiting.has(res)) this.#add(res, json.length);
    }
  }

  #add(res: Response, bytes: number): void {
    this.#remove(res);
    this.#waiting.set(res, bytes);
    this.#bytes += bytes;
    for (const [idlest] of this.#waiting) {
      if (this.#bytes <= this.config.MAX_UNREAD_BYTES || idlest === res) return;
      this.#remove(idlest);
      idlest.destroy();
    }
  }

  #remove(res: Response): void {
    this.#bytes -= this.#waiting.get(res) ?? 0;
    this.#waiting.delete(res);
  }
}
