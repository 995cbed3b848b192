/** A server of static files, on this machine alone. As some hosts do, it sends who asks for `index.html` to its folder. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
};

/** Serves a folder below a path of the site, such as `/` or `/viewer/`. */
export function serveFolder(folder: string, port: number, below = '/'): Promise<Server> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    if (path.endsWith('/index.html')) {
      response.writeHead(307, { Location: path.slice(0, -'index.html'.length) }).end();
      return;
    }
    const within = path.startsWith(below) ? normalize(`/${path.slice(below.length)}`) : undefined;
    const file = within && join(folder, within.endsWith('/') ? `${within}index.html` : within);
    if (!file || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Cache-Control': 'no-cache',
    });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
