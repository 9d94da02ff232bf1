import { describe, expect, it } from '@jest/globals';
import { ClaimQueue } from '../../src/inlet/redis/claim-queue.js';
import type { MessageClaims } from '../../src/inlet/redis/claims.js';
import { eventually } from '../support/eventually.js';
import { onTeardown } from '../support/teardown.js';

/** A shard that gives no answer, as a command that waits for its timeout. */
const never = new Promise<boolean>(() => undefined);
const texts = (messages: readonly Buffer[]) => messages.map(String);

describe('the queue of messages to claim', () => {
  /** `answer`: what Redis says to the claim of a message. */
  function queueOn(
    answer: (name: string, isRetry: boolean) => Promise<boolean>,
    closing = new AbortController(),
  ) {
    const [claimed, notTaken]: [Buffer[], string[]] = [[], []];
    const claims = { nextClaimKey: (message: Uint8Array) => String(message), claim: answer };
    onTeardown(() => closing.abort());
    const queue = new ClaimQueue({
      claims: claims as unknown as MessageClaims,
      closing: closing.signal,
      onClaimed: (message) => claimed.push(message),
      onNotTaken: (message, outcome) => notTaken.push(`${message} ${outcome}`),
    });
    const claim = (...names: string[]) => queue.claim(names.map((name) => Buffer.from(name)));
    return { queue, claim, claimed, notTaken };
  }

  it('hands on what is claimed, in order, and skips the rest', async () => {
    const { queue, claim, claimed, notTaken } = queueOn(async (name) => name !== 'theirs');
    await claim('a', 'theirs', 'b');
    await claim('c');
    await queue.idle();
    expect(texts(claimed)).toEqual(['a', 'b', 'c']);
    expect(notTaken).toEqual(['theirs skipped']);
  });

  it('goes on with the others while one shard hangs', async () => {
    const { claim, claimed } = queueOn((name) => (name.startsWith('hung') ? never : Promise.resolve(true)));
    await claim('hung 1', 'a');
    await claim('b', 'hung 2');
    await claim('c');
    await eventually('the others are handed on', () => claimed.length === 3);
    expect(texts(claimed)).toEqual(['a', 'b', 'c']);
  });

  it('tries again what had no answer, as a retry, and hands it on once', async () => {
    const asked: [string, boolean][] = [];
    let isBack = false;
    const { queue, claim, claimed } = queueOn(async (name, isRetry) => {
      asked.push([name, isRetry]);
      if (name === 'a' && !isBack) throw new Error('away');
      return true;
    });
    await claim('a', 'b');
    await eventually('it is tried again', () => asked.filter(([name]) => name === 'a').length > 2);
    expect(texts(claimed)).toEqual(['b']);
    isBack = true;
    await queue.idle();
    expect(texts(claimed)).toEqual(['b', 'a']);
    expect(asked.filter(([, isRetry]) => !isRetry)).toEqual([
      ['a', false],
      ['b', false],
    ]);
  });

  it('abandons at the end what had no answer', async () => {
    const ending = new AbortController();
    const { queue, claim, claimed, notTaken } = queueOn(async () => {
      throw new Error('away');
    }, ending);
    await claim('a', 'b');
    ending.abort();
    await queue.idle();
    expect(claimed).toEqual([]);
    expect(notTaken.sort()).toEqual(['a abandoned', 'b abandoned']);
  });
});
