/** Compared server: the ws library alone. Each socket is sent the same text. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { bodyOf, serve } from './commands.js';

const http = createServer();
const server = new WebSocketServer({ server: http });
server.on('connection', (socket) => {
  socket.send('0{}');
  socket.once('message', () => socket.send('40{}'));
});

serve(http, (bytes) => {
  const text = Buffer.from(`42${JSON.stringify(['file_stats', bodyOf(bytes)])}`);
  return () => {
    for (const client of server.clients) client.send(text, { binary: false });
  };
});
