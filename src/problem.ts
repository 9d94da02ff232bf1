/** Writes a fault as problem details (RFC 9457): as an answer of REST, to a handshake, or on a bare connection. */

import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, type ErrorCode, type Fault } from './errors.js';

/** Problem details; `code` is stable, the texts are for people. */
interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  errors?: Fault['errors'];
}

/** Sent where a fault names no time. */
const RETRY_AFTER_SECONDS = 1;
/** How long a refused peer may take to read the answer and to stop sending. */
const LINGER_MS = 1_000;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function answerOf(fault: Fault): Answer {
  const problem = problemOf(fault);
  const { status } = problem;
  const body = JSON.stringify(problem);
  const mayRetry = status === 503 || status === 429 || fault.retryAfterSeconds !== undefined;
  return {
    status,
    body,
    headers: {
      'Content-Type': 'application/problem+json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...(mayRetry ? { 'Retry-After': String(fault.retryAfterSeconds ?? RETRY_AFTER_SECONDS) } : {}),
      ...(fault.challenge === undefined ? {} : { 'WWW-Authenticate': challengeOf(fault) }),
      ...(fault.allow === undefined ? {} : { Allow: fault.allow.join(', ') }),
    },
  };
}

function problemOf({ code, message, errors }: Fault): Problem {
  const { status, title } = ERRORS[code];
  const problem: Problem = { type: `urn:verigate:problem:${code}`, title, status, detail: message, code };
  return errors === undefined ? problem : { ...problem, errors };
}

/** The `WWW-Authenticate` header: which kind of token is needed, and what was wrong with the one received (RFC 6750). */
function challengeOf({ challenge, message }: Fault): string {
  const realm = 'Bearer realm="verigate"';
  if (!challenge) return realm;
  return `${realm}, error="${challenge}", error_description="${message.replaceAll('"', "'")}"`;
}

export function sendProblem(response: ServerResponse, fault: Fault): void {
  const { status, headers, body } = answerOf(fault);
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

/** Answers on a connection that has no response object: an upgrade, or bytes that are not HTTP. It is closed afterwards. */
export function endWithProblem(tcp: Duplex, fault: Fault): void {
  const { status, headers, body } = answerOf(fault);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  tcp.on('error', () => undefined);
  tcp.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // Closed at once with bytes unread, the system would reset the connection, and the answer could be lost.
  tcp.resume();
  const timer = setTimeout(() => tcp.destroy(), LINGER_MS).unref();
  tcp.once('close', () => clearTimeout(timer));
}
