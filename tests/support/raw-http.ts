/** Sends the bytes of a request as they are, and gives back the bytes of the answer. */
import type { Socket } from 'node:net';
import { holdOn } from './process.js';

export interface RawAnswer {
  /** 0: there was none. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly isClosed: boolean;
}

/** `host`: null leaves the header out. */
export const requestText = (
  method: string,
  path: string,
  { host = 'localhost' as string | null, headers = [] as readonly string[], body = '' } = {},
): string =>
  [
    `${method} ${path} HTTP/1.1`,
    ...(host === null ? [] : [`Host: ${host}`]),
    ...headers,
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    '',
    body,
  ].join('\r\n');

export const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
] as const;

/** What HTTP clients send that would rather speak HTTP/2: the JDK's, and `curl --http2`. */
export const H2C = [
  'Connection: Upgrade, HTTP2-Settings',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
] as const;

/** The answer to one request, once its body is complete or the gateway has closed the connection. */
export async function answerTo(url: string, text: string): Promise<RawAnswer> {
  return (await exchange(url, text)).answer;
}

/** The same, with the connection, on which more can be sent. */
export async function exchange(url: string, text: string) {
  const socket = await holdOn(url, text);
  return { answer: await nextAnswer(socket), socket };
}

export async function nextAnswer(socket: Socket): Promise<RawAnswer> {
  let received = '';
  const isClosed = await new Promise<boolean>((resolve) => {
    const ended = () => resolve(true);
    socket.once('end', ended).once('close', ended);
    socket.setEncoding('latin1').on('data', function onData(chunk: string) {
      received += chunk;
      if (!isComplete(received)) return;
      socket.off('data', onData).off('end', ended).off('close', ended);
      resolve(false);
    });
  });
  const end = received.indexOf('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0),
    head: received.slice(0, end),
    body: received.slice(end + 4),
    isClosed,
  };
}

function isComplete(received: string): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  if (received.startsWith('HTTP/1.1 101')) return true;
  const length = /^content-length: (\d+)/im.exec(received.slice(0, end))?.[1];
  if (length === undefined)
    return /^HTTP\/1\.1 (204|304)/.test(received) || received.endsWith('\r\n0\r\n\r\n');
  return received.length >= end + 4 + Number(length);
}
