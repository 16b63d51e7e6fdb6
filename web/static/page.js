// Countdowns on the server's time, counts that stay true, and taps that outlive a dead network.
// Everything works without this file; with it htmx sends the forms that book.
(function () {
  "use strict";
  var doc = document;

  function each(selector, act) { Array.prototype.forEach.call(doc.querySelectorAll(selector), act); }
  function spread(ms) { return ms * (0.6 + Math.random() * 0.8); } // a crowd that asks in step is a second rush
  function byHtmx(form) { return Boolean(window.htmx) && form.hasAttribute("hx-post"); }

  // A form is sent once. The pages of a browser's history are old, and their forms may be sent again.
  doc.addEventListener("submit", function (event) {
    if (byHtmx(event.target)) return;
    if (event.target.hasAttribute("data-sent")) event.preventDefault();
    event.target.setAttribute("data-sent", "");
  });
  // Not reload(): a page that answered a form would ask to send the form again.
  function again() { location.replace(doc.body.getAttribute("data-path")); }
  window.addEventListener("pageshow", function (event) { if (event.persisted) again(); });
  each("[data-print]", function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  // The server's time: of the page's own answer, and of every answer after it.
  var offset = null;
  function learn(serverMs, at) { if (serverMs > 0) offset = serverMs - at; }
  function learnFromPage() {
    var entry = performance.getEntriesByType && performance.getEntriesByType("navigation")[0];
    (entry && entry.serverTiming || []).forEach(function (timing) {
      if (timing.name === "now") learn(timing.duration, entry.responseStart);
    });
  }
  function askTheTime() {
    var request = new XMLHttpRequest();
    request.open("GET", "/healthz");
    request.onload = function () { learn(Number(request.getResponseHeader("Server-Time")), performance.now()); tick(); };
    request.onerror = function () { setTimeout(askTheTime, spread(2000)); };
    request.send();
  }

  // Another script changed the page by an answer of its own.
  doc.addEventListener("page:changed", function (event) { learn(event.detail, performance.now()); tick(); });

  function two(n) { return (n < 10 ? "0" : "") + n; }
  function left(ms) {
    var seconds = Math.max(0, Math.ceil(ms / 1000));
    var hours = Math.floor(seconds / 3600);
    var rest = two(Math.floor(seconds / 60) % 60) + ":" + two(seconds % 60);
    return hours ? hours + ":" + rest : rest;
  }
  function end(clock) {
    clock.removeAttribute("data-countdown");
    if (clock.hasAttribute("data-reload")) setTimeout(again, 200 + Math.random() * 1300);
    if (clock.hasAttribute("data-look")) lookIn(200 + Math.random() * 1300);
    if (clock.hasAttribute("data-hide")) clock.closest("form").hidden = true;
  }
  var ticking = null;
  function tick() {
    clearTimeout(ticking);
    if (offset === null) return;
    var now = performance.now() + offset, running = false;
    each("[data-countdown]", function (clock) {
      var ms = Number(clock.getAttribute("data-countdown")) - now;
      clock.textContent = left(ms);
      if (ms > 0) running = true; else end(clock);
    });
    if (running) ticking = setTimeout(tick, 250);
  }
  if (doc.querySelector("[data-countdown]")) {
    learnFromPage();
    if (offset === null) askTheTime(); else tick();
  }

  // What is live on the page is asked for again, now and then, while somebody looks.
  var looking = null;
  function lookIn(ms) { clearTimeout(looking); looking = setTimeout(look, ms); }
  function look() {
    var live = doc.getElementById("live");
    if (!live || !live.hasAttribute("data-every")) return;
    // A clock that has run out waits for the button, and not for long.
    var waits = live.querySelector("[data-look]:not([data-countdown])");
    lookIn(spread(waits ? 1000 : Number(live.getAttribute("data-every")) * 1000));
    if (!doc.hidden && window.htmx) window.htmx.trigger(live, "look");
  }
  function start() {
    var live = doc.getElementById("live");
    if (live && live.hasAttribute("data-every")) lookIn(spread(Number(live.getAttribute("data-every")) * 1000));
  }
  doc.addEventListener("visibilitychange", function () { if (!doc.hidden) lookIn(spread(300)); });
  start();

  doc.addEventListener("htmx:afterRequest", function (event) {
    var time = event.detail.xhr && event.detail.xhr.getResponseHeader("Server-Time");
    if (time) learn(Number(time), performance.now());
  });
  doc.addEventListener("htmx:afterSwap", function (event) {
    tick();
    var said = event.target.querySelector && event.target.querySelector("[role=alert]"); // not one that stood there before
    if (said) said.focus();
  });

  // A tap while the network or the server is away is sent again with the same key, and the page says so.
  var TRIES = 40;
  function say(form, name) {
    var old = form.querySelector(".away");
    if (old) old.remove();
    var text = name && doc.getElementById(name);
    if (!text) return;
    var note = text.content.firstElementChild.cloneNode(true);
    note.classList.add("away");
    form.insertBefore(note, form.firstChild);
  }
  function busy(form, is) { Array.prototype.forEach.call(form.querySelectorAll("button"), function (b) { b.disabled = is; }); }
  function lost(event) {
    var form = event.detail.elt;
    if (!form || form.tagName !== "FORM" || !form.hasAttribute("hx-post")) return;
    var tries = Number(form.getAttribute("data-tries") || 0) + 1;
    form.setAttribute("data-tries", tries);
    if (tries > TRIES) {
      form.removeAttribute("data-tries");
      say(form, "gave-up");
      busy(form, false);
      return;
    }
    say(form, "away");
    setTimeout(function () { busy(form, true); }, 0);
    form.retry = setTimeout(function () { resend(form); }, spread(Math.min(4000, 500 * tries)));
  }
  function resend(form) {
    clearTimeout(form.retry);
    form.retry = null;
    if (doc.contains(form)) window.htmx.trigger(form, "submit");
  }
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach(function (name) { doc.addEventListener(name, lost); });
  window.addEventListener("online", function () { each("form[data-tries]", function (form) { if (form.retry) resend(form); }); });
})();
