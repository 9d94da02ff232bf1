/** Centrifugo, a server of the same kind written in Go: built once into the user's cache, and started as a compared server. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../tests/support/free-port.js';
import { killOnExit } from '../support/children.js';
import { type Command, FILE } from './peers/commands.js';

const VERSION = '6.9.1';
const FOLDER = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'verigate',
  `centrifugo-${VERSION}`,
);
const PROGRAM = join(FOLDER, 'centrifugo');
const PATIENCE_MS = 10_000;
const LOOK_MS = 50;

/** False where it has not been built, which is said: building it takes some ten to twenty minutes. */
export function isCentrifugoThere(): boolean {
  if (existsSync(PROGRAM)) return true;
  process.stderr.write(
    'SKIPPED: Centrifugo as a compared server: `npm run bench -- centrifugo` builds it, with Go and up to 20 minutes\n',
  );
  return false;
}

/** Builds it, at the lowest priority. */
export function buildCentrifugo(): void {
  if (existsSync(PROGRAM)) return;
  mkdirSync(FOLDER, { recursive: true });
  const module = `github.com/centrifugal/centrifugo/v6@v${VERSION}`;
  const { status, error } = spawnSync('nice', ['-n', '19', 'go', 'install', module], {
    stdio: 'inherit',
    env: { ...process.env, GOBIN: FOLDER },
  });
  if (status !== 0)
    process.stderr.write(
      `SKIPPED: Centrifugo could not be built: ${error?.message ?? `go ended with ${status}`}\n`,
    );
}

export class Centrifugo {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {}

  /** In memory, without tokens, and with the JSON protocol. */
  static async start(): Promise<Centrifugo> {
    const port = await freePort();
    const child = spawn(PROGRAM, ['--client.insecure', '--http_api.insecure', '--health.enabled'], {
      cwd: FOLDER,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH,
        CENTRIFUGO_HTTP_SERVER_ADDRESS: '127.0.0.1',
        CENTRIFUGO_HTTP_SERVER_PORT: String(port),
        CENTRIFUGO_LOG_LEVEL: 'error',
        // A ping in one frame with events would not be seen, and a busy machine reads late: listeners are not to be cut off.
        CENTRIFUGO_CLIENT_PING_INTERVAL: '1h',
        CENTRIFUGO_WEBSOCKET_WRITE_TIMEOUT: '60s',
      },
    });
    killOnExit(child);
    const centrifugo = new Centrifugo(child, `http://127.0.0.1:${port}`);
    for (const end = performance.now() + PATIENCE_MS; ; await sleep(LOOK_MS)) {
      if (await centrifugo.#call('/health').catch(() => false)) return centrifugo;
      if (performance.now() > end) throw new Error('Centrifugo does not answer');
    }
  }

  /** Publishes through the HTTP API, as an application does. */
  async send({ bytes, events, inOneTick }: Command): Promise<void> {
    const publish = { channel: FILE, data: { text: textOf(bytes) } };
    for (let sent = 0; sent < events; sent += inOneTick) {
      const commands = Array.from({ length: inOneTick }, () => ({ publish }));
      const isTaken =
        inOneTick === 1
          ? await this.#call('/api/publish', JSON.stringify(publish))
          : await this.#call('/api/batch', JSON.stringify({ commands }));
      if (!isTaken) throw new Error('Centrifugo did not take an event');
    }
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  async #call(path: string, body = ''): Promise<boolean> {
    const sent = request(`${this.url}${path}`, {
      method: body === '' ? 'GET' : 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    }).end(body);
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    return response.statusCode === 200 && !text.includes('"error"');
  }
}

/** So long that a listener's message has the requested length. */
const textOf = (bytes: number): string =>
  'x'.repeat(bytes - JSON.stringify({ push: { channel: FILE, pub: { data: { text: '' } } } }).length);
