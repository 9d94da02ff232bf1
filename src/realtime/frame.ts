import WebSocket from 'ws';

/** The part of ws that it does not declare, and that Socket.IO's own broadcasts rely on. */
interface Undeclared {
  readonly Sender?: { frame?(data: Buffer, options: typeof TEXT): Buffer[] };
}

/** A whole text message, as servers send it. */
const TEXT = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };
/** In front of every message of the engine's protocol. */
const MESSAGE = '4';

const sender = (WebSocket as unknown as Undeclared).Sender;

/**
 * Options for writing one packet to many connections: its WebSocket frame, made once for all of them. Connections that
 * poll ignore it; where an upgrade took the function away, each connection frames for itself again.
 */
export function framedOnce(packet: string): object {
  const frame = sender?.frame?.(Buffer.from(MESSAGE + packet), TEXT);
  return frame === undefined ? {} : { wsPreEncodedFrame: frame };
}
