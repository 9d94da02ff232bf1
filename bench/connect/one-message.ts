/** Compared server: the ws library alone. A socket sends one JSON message, and gets one as the answer, as long as ours. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { listen } from '../fan-out/peers/commands.js';

/** The answer of the gateway has so many characters more, 991 in all: the stats of a file and an empty page. */
const REST = 'x'.repeat(950);

const http = createServer();
new WebSocketServer({ server: http }).on('connection', (socket) => {
  socket.on('message', (data) => {
    const { fileId } = JSON.parse(String(data)) as { fileId: string };
    socket.send(JSON.stringify({ ok: true, fileId, rest: REST }));
  });
});
listen(http);
process.stdin.on('end', () => process.exit()).resume();
