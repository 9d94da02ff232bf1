import { io } from '/socket.io/socket.io.esm.min.js';
import { setData, setText } from './dom.js';
import { clock } from './format.js';
import { askForToken, currentToken } from './token.js';

export const socket = io({
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

/** States by who reports them: the socket itself, and the listeners of the files on screen. */
const reports = new Map();
const chip = document.getElementById('connection');
const label = chip.querySelector('.connection-text');
/** A subscription of a few milliseconds is no news; an amber flash at every click would be. */
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
    state === 'stale' ? `Stale since ${clock(since)}` : state === 'live' ? 'Live' : 'Catching up',
  );
}

// Pages without a listener (the empty list, the form) are as live as the socket.
report(socket, { state: 'catching-up', since: Date.now() });
socket.on('connect', () => report(socket, null));
socket.on('disconnect', () => report(socket, { state: 'stale', since: Date.now() }));
socket.on('connect_error', () => {
  const before = reports.get(socket);
  report(socket, { state: 'stale', since: before?.since ?? Date.now() });
});
