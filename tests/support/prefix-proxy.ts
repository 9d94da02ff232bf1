/** A proxy that serves a gateway under a path, and takes the path away before it asks the gateway. */
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { onTeardown } from './teardown.js';

/** The proxy's own URL. What is not under `prefix` is 404. */
export async function prefixProxy(target: string, prefix: string): Promise<string> {
  const { hostname, port } = new URL(target);
  const pathOf = ({ url = '' }: IncomingMessage): string | null =>
    url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : null;

  const server = createServer((req, res) => {
    const path = pathOf(req);
    if (path === null) return res.writeHead(404).end();
    const { method, headers } = req;
    const passed = request({ hostname, port, path, method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    passed.on('error', () => res.destroy());
    return req.pipe(passed);
  });
  server.on('upgrade', (req, socket) => {
    const lines = req.rawHeaders.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');
    const passed = connect(Number(port), hostname, () => {
      passed.write(`${req.method} ${pathOf(req)} HTTP/1.1\r\n${lines}\r\n`);
      passed.pipe(socket).pipe(passed);
    });
    passed.on('error', () => socket.destroy());
    socket.on('error', () => passed.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTeardown(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
