/** Limits the WebSocket frames that a client may send in a second, and the answers that wait for one that does not read. */

import { type WebSocket, WebSocketServer } from 'ws';
import { SentThisSecond } from './throttling.js';

type HandleUpgrade = WebSocketServer['handleUpgrade'];

/** Frames of one message: those before its last one are not counted. No client of Socket.IO sends a packet in pieces this small. */
const MAX_FRAGMENTS = 64;
/** Characters of one answer to a ping are 125 at most, and only the latest has to be answered (RFC 6455, 5.5.3). */
const MAX_WAITING_BYTES = 65_536;

/**
 * The WebSocket server for engine.io. A frame may have six bytes, and what has come of them is handled in one turn of the event
 * loop: a connection that sends more of them than `maxPerSecond` ends. Left to ws, each ping is answered, and the answers wait
 * without bound for a client that does not read; it needs no token for that.
 */
export function limitedWebSockets(maxPerSecond: number): new (options: object) => WebSocketServer {
  const frames = new SentThisSecond<WebSocket>();
  const count = function (this: WebSocket) {
    if (frames.add(this) !== maxPerSecond + 1) return;
    this.terminate();
    // What has come with this frame is still read.
    this.removeAllListeners('message').removeAllListeners('ping');
  };
  const answer = function (this: WebSocket, data: Buffer) {
    count.call(this);
    if (this.readyState === this.OPEN && this.bufferedAmount < MAX_WAITING_BYTES) this.pong(data);
  };
  return class extends WebSocketServer {
    constructor(options: object) {
      super({ ...options, autoPong: false, maxFragments: MAX_FRAGMENTS });
    }

    override handleUpgrade(...[request, tcp, head, done]: Parameters<HandleUpgrade>): void {
      super.handleUpgrade(request, tcp, head, (webSocket, from) => {
        webSocket.on('ping', answer).on('pong', count).on('message', count);
        done(webSocket, from);
      });
    }
  };
}
