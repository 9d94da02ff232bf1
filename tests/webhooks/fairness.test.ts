/** Receivers of one user that do not answer hold up no delivery to another user. */
import { expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { startTestGateway } from '../support/gateway.js';
import { message } from '../support/producer.js';
import { plainResults } from '../support/results.js';
import { JWT, tokenOf } from '../support/tokens.js';
import { startReceiver } from './receiver.js';

/** More than a gateway has under way at once: four to each webhook. */
const WEBHOOKS = 12;
const FILES = 4;

async function callerOf(url: string, sub: string) {
  const authorization = `Bearer ${await tokenOf({ sub, scope: 'read ingest' })}`;
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers: { authorization }, body: JSON.stringify(body) };
    expect((await fetch(`${url}/api${path}`, init)).status).toBeLessThan(300);
  };
  return {
    addWebhook: (receiver: string) => post('/webhooks', { url: receiver }),
    completeFile: async (fileId: string) => {
      await post(`/files/${fileId}/batches`, { batches: [{ batchId: fileId, totalEmails: 1 }] });
      await post('/updates', message(fileId, plainResults(fileId, 1), { isComplete: true }));
    },
  };
}

it('a user whose receivers are silent leaves room for those of others', async () => {
  const silent = await startReceiver();
  silent.status = null;
  const { url } = await startTestGateway({ ...JWT, WEBHOOKS_ALLOW_PRIVATE: 'true' });
  const jane = await callerOf(url, 'jane');
  for (let n = 0; n < WEBHOOKS; n++) await jane.addWebhook(silent.url);
  for (let n = 0; n < FILES; n++) await jane.completeFile(`jane ${n}`);
  await eventually('attempts are under way', () => silent.received.length >= 12);

  const receiver = await startReceiver();
  const joe = await callerOf(url, 'joe');
  await joe.addWebhook(receiver.url);
  await joe.completeFile('joe');
  await eventually('the other user is told', () => receiver.received.length === 1, 8_000);
  expect(silent.received.length).toBeLessThan(20);
});
