/** Sends answers that may be large, at the pace at which clients read. */
import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { textPortions } from '../portions.js';
import { LARGE_ANSWER, type UnreadAnswers } from '../unread-answers.js';
import { endUnread } from './end-unread.js';
import { sendText } from './export/send-text.js';
import { sendJson } from './responses.js';

export class LargeAnswers {
  constructor(
    private readonly unread: UnreadAnswers,
    private readonly idleMs: number,
    private readonly callerName: (req: IncomingMessage) => string,
  ) {}

  /** A connection that reads nothing for `idleMs` ends, or sooner, where others need its room. */
  async send(res: Response, json: string, status = 200): Promise<void> {
    if (json.length <= LARGE_ANSWER) {
      sendJson(res, json, status);
      this.#countWaiting(res);
      return;
    }
    this.unread.add(res, {
      caller: this.callerName(res.req),
      bytes: () => json.length,
      end: () => res.destroy(),
    });
    try {
      await sendText(res, this.#pieces(res, json), this.idleMs, async () => {
        res.statusCode = status;
        res.setHeader('Content-Type', 'application/json; charset=utf-8');
        res.setHeader('Content-Length', Buffer.byteLength(json));
      });
    } finally {
      this.unread.remove(res);
    }
  }

  /** The system takes an answer of this size at once, unless its client has left others unread on the connection. */
  #countWaiting(res: Response): void {
    if (res.closed || res.writableLength === 0) return;
    this.unread.add(res, {
      caller: this.callerName(res.req),
      bytes: () => res.writableLength,
      end: () => res.destroy(),
    });
    endUnread(res, this.idleMs);
    res.once('close', () => this.unread.remove(res));
  }

  /** Each piece is asked for once the client has read enough of those before it. */
  async *#pieces(res: Response, json: string): AsyncGenerator<string> {
    for (const piece of textPortions(json, LARGE_ANSWER)) {
      yield piece;
      this.unread.hasRead(res);
    }
  }
}
