/** Drives Firefox, by WebDriver BiDi, which it speaks itself: https://www.w3.org/TR/webdriver-bidi/ */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { findOnPath } from '../on-path.js';
import { startProgram } from '../program.js';
import { onTeardown, temporaryDirectory } from '../teardown.js';
import type { DrivenBrowser } from './driven.js';

export const findFirefox = (): string | undefined => findOnPath(['firefox-esr', 'firefox']);

const PREFERENCES = {
  'layout.css.prefers-color-scheme.content-override': 0, // dark
  'intl.accept_languages': 'en-US',
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
};

type Parameters = Record<string, unknown>;
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Parameters;
  readonly message?: string;
  readonly params?: { readonly level: string; readonly text: string };
}

export async function startFirefox(): Promise<DrivenBrowser> {
  const profile = temporaryDirectory();
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
  );
  writeFileSync(join(profile, 'user.js'), lines.join('\n'));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0'];
  const program = startProgram(findFirefox() ?? 'firefox', args, { HOME: profile });
  const listening = /BiDi listening on (ws:\S+)/;
  const { err } = await program.until((said) => listening.test(said.err) || said.code !== undefined);
  const heard: string[] = [];
  const ask = await connect(`${listening.exec(err)?.[1]}/session`, ({ level, text }) => {
    if (level === 'error') heard.push(text);
  });
  onTeardown(async () => {
    await ask('browser.close', {});
    await program.ended;
  });

  const { capabilities } = await ask('session.new', { capabilities: {} });
  await ask('session.subscribe', { events: ['log.entryAdded'] });
  const { contexts } = (await ask('browsingContext.getTree', {})) as { contexts: { context: string }[] };
  const [{ context }] = contexts as [{ context: string }];
  const evaluate = async (expression: string) => {
    const answer = await ask('script.evaluate', { expression, target: { context }, awaitPromise: true });
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer));
    return answer.result as { value?: string; sharedId?: string };
  };
  return {
    version: `Firefox ${(capabilities as { browserVersion: string }).browserVersion}`,
    open: async (url) => void (await ask('browsingContext.navigate', { context, url, wait: 'complete' })),
    reload: async () => void (await ask('browsingContext.reload', { context, wait: 'complete' })),
    async evaluate(expression) {
      const { value } = await evaluate(`(async () => JSON.stringify({ of: await (${expression}) }))()`);
      return JSON.parse(value ?? '').of;
    },
    async click(selector) {
      const { sharedId } = await evaluate(
        `{ const e = document.querySelector(${JSON.stringify(selector)}); e.scrollIntoView({ block: 'center', behavior: 'instant' }); e }`,
      );
      const at = { x: 0, y: 0, origin: { type: 'element', element: { sharedId } } };
      const press = ['pointerDown', 'pointerUp'].map((type) => ({ type, button: 0 }));
      const actions = [{ type: 'pointerMove', ...at }, ...press];
      await ask('input.performActions', { context, actions: [{ type: 'pointer', id: 'mouse', actions }] });
    },
    complaints: async () => heard,
  };
}

type Ask = (method: string, params: Parameters) => Promise<Parameters>;

async function connect(url: string, onLog: (entry: { level: string; text: string }) => void): Promise<Ask> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const waiting = new Map<number, (message: Message) => void>();
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.method === 'log.entryAdded' && message.params) onLog(message.params);
    waiting.get(message.id ?? -1)?.(message);
  });
  let last = 0;
  return (method, params) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ result, message }) => {
        waiting.delete(id);
        if (result) resolve(result);
        else reject(new Error(`${method}: ${message}`));
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
}
