/**
 * Collects every result of a file, through reconnects, repeated batches and lists that got shorter. When the file is over
 * it prints them, a result a line.
 *
 *     npm run build && node dist/examples/listener.js FILE_ID
 *
 * VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none).
 */
import { io } from 'socket.io-client';
import { collect } from '../src/client/index.js';

const { VERIGATE_URL: url = 'http://127.0.0.1:3000', VERIGATE_TOKEN: token } = process.env;

const [fileId = ''] = process.argv.slice(2);
if (fileId === '') {
  process.stderr.write('Usage: node dist/examples/listener.js FILE_ID\n');
  process.exit(64);
}

const socket = io(url, { transports: ['websocket'] });
try {
  const { results } = await collect(socket, fileId, {
    url,
    ...(token ? { token } : {}),
    onStats: ({ status, progress }) => process.stderr.write(`${status} ${progress.percentage}%\n`),
  });
  for (const { email, status, batchId, position } of results) {
    process.stdout.write(`${JSON.stringify({ batchId, position, status, email })}\n`);
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  socket.disconnect();
}
