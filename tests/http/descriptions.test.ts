/** The descriptions for programs, which strangers may ask for on as many connections as they open, without reading them. */
import type { ServerResponse } from 'node:http';
import { expect, test } from '@jest/globals';
import type { Express } from 'express';
import { docsRoutes } from '../../src/http/routes/docs.js';
import { startApp } from './harness.js';

test('all answers share the bytes of a description', async () => {
  const { deps } = await startApp();
  const sent: Buffer[] = [];
  const res = { setHeader: () => undefined, end: (bytes: Buffer) => sent.push(bytes) };
  const get = (_path: string, answer: (req: unknown, res: ServerResponse) => void) => {
    for (let times = 0; times < 2; times++) answer({}, res as unknown as ServerResponse);
  };
  docsRoutes({ get } as unknown as Express, deps);
  const [rest, restAgain, socket, socketAgain] = sent;
  expect([Buffer.isBuffer(rest), Buffer.isBuffer(socket)]).toEqual([true, true]);
  expect(restAgain).toBe(rest);
  expect(socketAgain).toBe(socket);
});
