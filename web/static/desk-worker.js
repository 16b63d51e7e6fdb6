// Opens the desk's page while the network is away, also after the browser was closed. What happens on the page is
// for desk-offline.js, which keeps the page and its files here whenever it has them fresh.
"use strict";
const PAGE = "/desk", KEPT = "desk", PATIENCE_MS = 5000;

self.addEventListener("install", function () { self.skipWaiting(); });
self.addEventListener("activate", function (event) { event.waitUntil(self.clients.claim()); });
self.addEventListener("fetch", function (event) {
  const request = event.request, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && url.pathname === PAGE) event.respondWith(page(request));
  if (url.pathname.startsWith("/static/")) event.respondWith(file(request));
});

async function page(request) {
  const kept = await (await caches.open(KEPT)).match(PAGE);
  if (!kept) return fetch(request);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return answer.status > 501 ? kept : answer; // a gateway whose site is gone
  } catch (error) {
    return kept;
  }
}

// A file's address names its content, so one that is kept is right.
async function file(request) {
  return (await (await caches.open(KEPT)).match(request)) || fetch(request);
}
