/** Runs the gateway's program to its end, and holds raw connections to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTeardown, temporaryDirectory } from './teardown.js';

const mainModule = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  /** Its log lines, parsed. A line that is not JSON fails the test. */
  readonly lines: readonly Record<string, unknown>[];
  readonly stderr: string;
}

/** For a gateway that is expected to exit. */
export async function runToEnd(
  env: NodeJS.ProcessEnv,
  onOutput: (child: ChildProcess) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, [mainModule], {
    env: { PATH: process.env.PATH, PORT: '0', DATA_DIR: env.DATA_DIR ?? temporaryDirectory(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTeardown(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      onOutput(child);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, lines: parsed(output.stdout.split('\n').filter(Boolean)), stderr: output.stderr };
}

export const parsed = (lines: readonly string[]): Record<string, unknown>[] =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>);

/** Opens a TCP connection to a gateway, sends the text and keeps the connection open. */
export async function holdOn(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => undefined);
  onTeardown(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** The next data from a plain connection. */
export async function nextOf(socket: Socket): Promise<string> {
  const [bytes] = await once(socket, 'data');
  return bytes.toString();
}

/** Starts an update without its body. The gateway has answered 100 Continue, so it has the request. */
export async function beginUpload(url: string, length: number): Promise<Socket> {
  const head = [
    'POST /api/updates HTTP/1.1',
    'Host: localhost',
    `Content-Length: ${length}`,
    'Expect: 100-continue',
  ];
  const socket = await holdOn(url, `${head.join('\r\n')}\r\n\r\n`);
  const answer = await nextOf(socket);
  if (!answer.startsWith('HTTP/1.1 100 ')) throw new Error(`the gateway answered ${answer}`);
  return socket;
}
