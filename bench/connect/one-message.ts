/** Compared server: the ws library alone. A socket sends one JSON message, and gets one as the answer, as long as ours. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

/** The answer of the gateway has so many characters more: the stats of a file and an empty page. */
const REST = 'x'.repeat(700);

const http = createServer();
new WebSocketServer({ server: http }).on('connection', (socket) => {
  socket.on('message', (data) => {
    const { fileId } = JSON.parse(String(data)) as { fileId: string };
    socket.send(JSON.stringify({ ok: true, fileId, rest: REST }));
  });
});
http.listen(0, '127.0.0.1', () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`));
process.stdin.on('end', () => process.exit()).resume();
