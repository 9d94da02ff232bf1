import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { retry, Signal } from '../support/wait.js';
import { addresses, Caller } from './caller.js';
import { counts, failing, Receiver } from './receiver.js';

const complete = { isComplete: true, processedCount: 10 };

describe('a gateway that does not accept updates', () => {
  test.each([503, 429, 500, 502])('and answers %d gets them again until it does', async (status) => {
    const receiver = await Receiver.start(failing(7, status));
    const caller = await Caller.start({ gatewayUrl: receiver.url });
    const [messages = []] = await receiver.complete((await caller.submit(addresses(10))).batchIds);
    expect(messages.at(-1)).toMatchObject(complete);
    expect(receiver.deliveries.filter((delivery) => delivery.status === status)).toHaveLength(7);
  });

  test('gets no update before the time in Retry-After', async () => {
    const receiver = await Receiver.start(failing(1, 503, { 'Retry-After': '1' }));
    const caller = await Caller.start({ gatewayUrl: receiver.url });
    const began = performance.now();
    await receiver.complete((await caller.submit(addresses(2))).batchIds);
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  test('and breaks the connection gets the update again', async () => {
    let broken = 3;
    const receiver = await Receiver.start((_, response) => {
      if (broken-- > 0) response.destroy();
      else response.writeHead(202).end('{}');
    });
    const caller = await Caller.start({ gatewayUrl: receiver.url });
    const [messages = []] = await receiver.complete((await caller.submit(addresses(10))).batchIds);
    expect(messages.at(-1)).toMatchObject(complete);
  });

  test('and is not running yet gets everything when it is', async () => {
    let url = 'http://127.0.0.1:9';
    const log: string[] = [];
    const noticed = new Signal();
    const caller = await Caller.start({
      gatewayUrl: () => url,
      log: (line) => {
        log.push(line);
        noticed.changed();
      },
    });
    const { batchIds } = await caller.submit(addresses(200));
    await noticed.until(
      () => log.length > 0,
      () => 'nothing logged',
    );
    const receiver = await Receiver.start();
    url = receiver.url;
    const all = await receiver.complete(batchIds);
    const emails = all.flatMap(
      (messages) => messages.at(-1)?.validatedEmails.map(({ email }) => email) ?? [],
    );
    expect(emails).toEqual(addresses(200));
    expect(log).toEqual([expect.stringContaining('have to wait'), 'updates are taken again']);
    expect(log.join()).not.toContain('@');
  });

  test('gets only the newest update of a batch when it accepts updates again', async () => {
    let open: () => void = () => undefined;
    const busy = new Promise<void>((resolve) => {
      open = resolve;
    });
    const receiver = await Receiver.start(async (_, response) => {
      await busy;
      response.writeHead(202).end();
    });
    const caller = await Caller.start({ gatewayUrl: receiver.url });
    const { batchIds } = await caller.submit(addresses(40));
    await retry(async () => {
      const { text } = await caller.get(`/validation-status/${batchIds[0]}`, { 'X-User-ID': randomUUID() });
      expect(text).toContain('"status":"completed"');
    });
    open();
    const [messages = []] = await receiver.complete(batchIds);
    expect(counts(messages)).toEqual(['5', '10!']);
  });

  test('and refuses an update does not get it again, and the other batches go on', async () => {
    const log: string[] = [];
    let poisoned: string | undefined;
    const receiver = await Receiver.start(({ batchId }, response) => {
      poisoned ??= batchId;
      response.writeHead(batchId === poisoned ? 400 : 202).end();
    });
    const caller = await Caller.start({ gatewayUrl: receiver.url, log: (line) => log.push(line) });
    const { batchIds } = await caller.submit(addresses(100));
    await receiver.until(() => batchIds.filter((id) => receiver.of(id).at(-1)?.isComplete).length === 4);
    expect(batchIds.filter((id) => receiver.of(id).length === 0)).toEqual([poisoned]);
    expect(log).toContain('an update was refused: the gateway answered with 400');
  });
});
