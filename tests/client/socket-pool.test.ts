/** Which hooks share a socket, and with it the rights of a token. */
import { expect, test } from '@jest/globals';
import { borrowSocket } from '../../src/client/socket-pool.js';
import { onTeardown } from '../support/teardown.js';

/** Nothing answers there. */
const NOWHERE = 'http://127.0.0.1:9';

function borrow(user: object, token: string | (() => string)) {
  const [socket, giveBack] = borrowSocket(NOWHERE, token, user);
  onTeardown(() => {
    giveBack();
    socket.disconnect();
  });
  return { socket, giveBack };
}

test('hooks share a socket while it is in use, and get it back when they are mounted again', () => {
  const [first, second] = [{}, {}];
  const one = borrow(first, () => 'a');
  expect(borrow(second, () => 'a').socket).toBe(one.socket);
  one.giveBack();
  expect(borrow(first, () => 'a').socket).toBe(one.socket);
  const text = borrow(first, 'token');
  expect(text.socket).not.toBe(one.socket);
  text.giveBack();
  expect(borrow(second, 'token').socket).toBe(text.socket);
});

test('who signs in next does not get the socket of who was there before', () => {
  const jane = borrow({}, () => "jane's");
  jane.giveBack();
  const joe = borrow({}, () => "joe's");
  expect(joe.socket).not.toBe(jane.socket);
  expect(jane.socket.active).toBe(false);
  expect(joe.socket.active).toBe(true);
});
