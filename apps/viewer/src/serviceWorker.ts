/**
 * The service worker: keeps the files of the site, so that the page opens without a network after the first visit. The
 * build puts their names and a digest of them in.
 */

declare const SITE: { readonly digest: string; readonly files: readonly string[] };

/** The part of a service worker's scope that is used here, which the types of pages lack. */
interface Scope {
  readonly registration: { readonly scope: string };
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: string, listen: (event: ServiceEvent) => void): void;
}
interface ServiceEvent {
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const CACHE = `organseg-${scope.registration.scope}-${SITE.digest}`;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(SITE.files.map((path) => new Request(path, { cache: 'reload' })));
  await scope.skipWaiting();
}

/** Takes over from the site's version before, whose files are dropped. */
async function activate(): Promise<void> {
  const ours = `organseg-${scope.registration.scope}-`;
  for (const name of await caches.keys())
    if (name.startsWith(ours) && name !== CACHE) await caches.delete(name);
  await scope.clients.claim();
}

async function answerTo(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (!kept) return fetch(request);
  // Browsers refuse to open a page of what came by a redirect, as `index.html` does from some hosts.
  return kept.redirected ? new Response(kept.body, kept) : kept;
}

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(activate()));
scope.addEventListener('fetch', (event) => {
  if (event.request.method === 'GET') event.respondWith(answerTo(event.request));
});
