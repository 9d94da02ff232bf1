/** Ends the connection of an answer of which its client reads nothing, however slowly. */
import type { ServerResponse } from 'node:http';

/** It ends when the client has read nothing for `idleMs`, or up to twice as long. */
export function endUnread(res: ServerResponse, idleMs: number): void {
  let before = takenOf(res);
  const look = setInterval(() => {
    // Until the answers before it are sent, those are looked at. It never closes where their connection does.
    if (res.socket === null) {
      if (res.req.socket.destroyed) clearInterval(look);
      return;
    }
    const now = takenOf(res);
    if (now === before) res.destroy();
    before = now;
  }, idleMs);
  res.once('close', () => clearInterval(look));
}

/** Bytes that the system has taken for the client: Node.js counts a write as written from its beginning. */
function takenOf({ socket }: ServerResponse): number {
  const { bytesWritten = 0, _handle } = (socket ?? {}) as {
    readonly bytesWritten?: number;
    readonly _handle?: { readonly writeQueueSize?: number } | null;
  };
  return bytesWritten - (_handle?.writeQueueSize ?? 0);
}
