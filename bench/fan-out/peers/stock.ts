/** Compared server: Socket.IO without changes; with the URL of a Redis as its argument, with its Redis adapter. */
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { bodyOf, FILE, serve } from './commands.js';

const [redis] = process.argv.slice(2);
const http = createServer();
const io = new Server(http, redis === undefined ? {} : { adapter: adapterOn(redis) });
io.on('connection', (socket) => {
  void socket.join(FILE);
  socket.on('subscribe', (request, answer) => answer({ ok: true, ...request }));
});

serve(http, (bytes) => {
  const body = bodyOf(bytes);
  return () => io.to(FILE).emit('file_stats', body);
});

function adapterOn(url: string) {
  const publisher = new Redis(url);
  return createAdapter(publisher, publisher.duplicate());
}
