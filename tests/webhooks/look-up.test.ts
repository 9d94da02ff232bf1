import type { LookupAddress } from 'node:dns';
import { lookup as ordinaryLookUp } from 'node:dns/promises';
import { describe, expect, it } from '@jest/globals';
import { receiverLookUp } from '../../src/webhooks/look-up.js';
import { eventually } from '../support/eventually.js';
import { startNameServer } from './name-server.js';

const PUBLIC_V4 = '93.184.216.34';
const PUBLIC_V6 = '2606:2800:220:1:0:0:0:1';

type Settings = Parameters<typeof receiverLookUp>[0];

/** All addresses of a name, as the connection of an attempt asks for them. */
const lookUp = (name: string, settings: Settings) =>
  new Promise<LookupAddress[]>((resolve, reject) =>
    receiverLookUp(settings)(name, { all: true }, (error, found) =>
      error === null ? resolve(found as LookupAddress[]) : reject(error),
    ),
  );

describe("a look-up of a receiver's name", () => {
  it('gives the addresses of both families, or of one', async () => {
    const { address } = await startNameServer({
      'both.example': { 4: [PUBLIC_V4], 6: [PUBLIC_V6] },
      'old.example': { 4: [PUBLIC_V4], 6: [] },
    });
    const settings = { allowPrivate: false, servers: [address] };
    expect(await lookUp('both.example', settings)).toEqual([
      { address: PUBLIC_V4, family: 4 },
      { address: PUBLIC_V6.replace(':0:0:0:', '::'), family: 6 },
    ]);
    expect(await lookUp('old.example', settings)).toEqual([{ address: PUBLIC_V4, family: 4 }]);
    await expect(lookUp('none.example', settings)).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('gives one address where one is asked for', async () => {
    const { address } = await startNameServer({ 'a.example': { 4: [PUBLIC_V4], 6: [PUBLIC_V6] } });
    const found = await new Promise((resolve) =>
      receiverLookUp({ allowPrivate: false, servers: [address] })('a.example', {}, (...all) => resolve(all)),
    );
    expect(found).toEqual([null, PUBLIC_V4, 4]);
  });

  it.each([
    ['IPv4', { 4: [PUBLIC_V4, '10.0.0.1'], 6: [PUBLIC_V6] }],
    ['IPv6', { 4: [PUBLIC_V4], 6: ['fd00:0:0:0:0:0:0:1'] }],
  ])('refuses a name of which one address of %s is inside', async (_, addresses) => {
    const { address } = await startNameServer({ 'inside.example': addresses });
    const name = 'inside.example';
    await expect(lookUp(name, { allowPrivate: false, servers: [address] })).rejects.toThrow('not public');
    expect(await lookUp(name, { allowPrivate: true, servers: [address] })).toHaveLength(
      addresses[4].length + addresses[6].length,
    );
  });

  it('holds up no look-up of others while a name server is silent', async () => {
    const { address, queries } = await startNameServer({ 'silent.example': { 4: null, 6: null } });
    let ended = 0;
    const lookUps = Array.from({ length: 32 }, () =>
      lookUp('silent.example', { allowPrivate: false, servers: [address] }).finally(() => ended++),
    );
    const failed = Promise.allSettled(lookUps);
    await eventually('all names are asked for', () => queries.length >= 64);
    await ordinaryLookUp('localhost');
    expect(ended).toBe(0);
    for (const result of await failed)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ETIMEOUT' } });
  });

  it('asks the system for names that name servers do not know, where receivers may be inside', async () => {
    const { address, queries } = await startNameServer({});
    const settings = { servers: [address] };
    expect(await lookUp('localhost', { ...settings, allowPrivate: true })).not.toEqual([]);
    await expect(lookUp('localhost', { ...settings, allowPrivate: false })).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
    expect(new Set(queries)).toEqual(new Set(['localhost']));
  });
});
