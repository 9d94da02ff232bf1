/** The page's one socket, and the display of its state. */
import { io } from 'socket.io-client';
import { setData, setText } from './dom.js';
import { clock } from './format.js';
import { t } from './texts.js';
import { askForToken, currentToken } from './token.js';

export const socket = io({
  // Beside the page, which a proxy may serve under a path of its own.
  path: new URL('socket.io/', document.baseURI).pathname,
  transports: ['websocket', 'polling'],
  tryAllTransports: true,
  auth: (answer) => answer({ token: currentToken() ?? undefined }),
});

socket.on('connect_error', (error) => {
  if (error.data?.code === 'unauthorized') void askForToken();
});

socket.on('unsubscribed', ({ code }) => {
  if (code === 'token_expired') void askForToken();
});

/** States by reporter: the socket itself, and the listener of each file on screen. */
const reports = new Map();
const chip = document.getElementById('connection');
const label = chip.querySelector('.connection-text');
/** Shorter states are not shown, or the display would flash amber at every subscription. */
const QUIET_MS = 250;
let quiet;

export function report(source, state) {
  if (state === null) reports.delete(source);
  else reports.set(source, state);
  clearTimeout(quiet);
  const worst = worstState();
  if (worst.state === 'catching-up' && chip.dataset.state === 'live')
    quiet = setTimeout(() => show(worst), QUIET_MS);
  else show(worst);
}

function worstState() {
  const all = [...reports.values()];
  const oldest = (name) => all.filter(({ state }) => state === name).sort((a, b) => a.since - b.since)[0];
  return oldest('stale') ?? oldest('catching-up') ?? { state: 'live' };
}

function show({ state, since }) {
  setData(chip, 'state', state);
  setText(
    label,
    state === 'stale'
      ? t.connection.stale(clock(since))
      : state === 'live'
        ? t.connection.live
        : t.connection.catchingUp,
  );
}

// Pages without a listener (the empty list, the form) show the socket's state.
report(socket, { state: 'catching-up', since: Date.now() });
socket.on('connect', () => report(socket, null));
socket.on('disconnect', () => report(socket, { state: 'stale', since: Date.now() }));
socket.on('connect_error', () => {
  const before = reports.get(socket);
  report(socket, { state: 'stale', since: before?.since ?? Date.now() });
});
