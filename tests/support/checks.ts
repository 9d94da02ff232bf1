/** What must hold of gateways and files after a disturbance. */
import { expect } from '@jest/globals';
import type { GatewayProcess } from './gateway.js';
import type { StrictListener } from './listener.js';
import type { Oracle } from './oracle.js';
import { Producer } from './producer.js';
import { Reading } from './reading.js';
import { retry } from './wait.js';

/**
 * A complete file: what the messages imply, what is stored, what each gateway answers and what each listener has
 * received are the same.
 */
export async function expectComplete(
  urls: readonly string[],
  oracle: Oracle,
  listeners: readonly StrictListener[],
  withinMs = 30_000,
): Promise<void> {
  const { fileId } = oracle;
  const readings = urls.map((url) => new Reading(new Producer(url), fileId));
  // Updates over Redis are not acknowledged, so the test polls until the file is complete.
  await retry(async () => expect((await readings[0]?.stats())?.status).toBe('completed'), withinMs);
  const lists = await Promise.all(readings.map((reading) => reading.ndjson()));
  const [stored = []] = lists;
  const expected = oracle.expected(stored);
  for (const list of lists) expect(list).toEqual(expected.entries);
  const isHere = (listener: StrictListener) =>
    (!listener.hears('stats') || listener.stats?.status === 'completed') &&
    (!listener.hears('emails') || listener.copy.size === stored.length);
  await Promise.all(listeners.map((listener) => listener.until(() => isHere(listener), withinMs)));
  await retry(async () => {
    for (const reading of readings) {
      const stats = await reading.stats();
      expect(stats).toMatchObject(expected.stats);
      for (const listener of listeners) if (listener.hears('stats')) expect(listener.stats).toEqual(stats);
    }
  }, withinMs);
  for (const listener of listeners) {
    expect(listener.faults).toEqual([]);
    expect(listener.gaps).toBe(0);
    if (listener.hears('emails')) expect(listener.results(oracle.batchIds)).toEqual(stored);
  }
}

export interface Readiness {
  readonly status: number;
  readonly reasons: readonly string[];
}

export async function readinessOf(url: string): Promise<Readiness> {
  const response = await fetch(`${url}/readyz`);
  const { reasons = [] } = (await response.json()) as { reasons?: string[] };
  return { status: response.status, reasons: reasons.sort() };
}

/** Fulfilled when the gateway reports exactly the named reasons; without names: when it is ready. */
export const untilReadiness = (url: string, ...names: readonly string[]): Promise<void> =>
  retry(async () => {
    const expected = { status: names.length === 0 ? 200 : 503, reasons: [...names].sort() };
    expect(await readinessOf(url)).toEqual(expected);
  }, 30_000);

/** What cannot be answered now is refused with 503 and `Retry-After`. */
export async function expectUnavailable(url: string): Promise<void> {
  const response = await fetch(url);
  const { code } = (await response.json()) as { code?: string };
  const seconds = Number(response.headers.get('retry-after'));
  expect({ status: response.status, code }).toEqual({ status: 503, code: 'unavailable' });
  expect(seconds).toBeGreaterThan(0);
}

/** The gateway has not crashed, has written nothing beside its log, and has logged no address. */
export function expectHealthy({ child, log, complaints }: GatewayProcess): void {
  expect({ exitCode: child.exitCode, signalCode: child.signalCode, complaints }).toEqual({
    exitCode: null,
    signalCode: null,
    complaints: [],
  });
  expect(log.filter((line) => line.includes('@example.com'))).toEqual([]);
}
