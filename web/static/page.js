// Countdowns on the server's time, and one form sent once. Everything works without this file.
(function () {
  "use strict";
  document.addEventListener("submit", function (event) {
    if (event.target.hasAttribute("data-sent")) event.preventDefault();
    event.target.setAttribute("data-sent", "");
  });
  // Back in a page that the browser kept, its forms may be sent again and its counts are old.
  window.addEventListener("pageshow", function (event) { if (event.persisted) again(); });

  var offset = Number(document.body.getAttribute("data-server-time")) - performance.now();
  var clocks = Array.prototype.slice.call(document.querySelectorAll("[data-countdown]"));
  if (!clocks.length) return;

  // Not reload(): a page that answered a form would ask to send the form again.
  function again() { location.replace(document.body.getAttribute("data-path")); }

  function two(n) { return (n < 10 ? "0" : "") + n; }

  function left(ms) {
    var seconds = Math.max(0, Math.ceil(ms / 1000));
    var hours = Math.floor(seconds / 3600);
    var rest = two(Math.floor(seconds / 60) % 60) + ":" + two(seconds % 60);
    return hours ? hours + ":" + rest : rest;
  }

  function end(clock) {
    clock.removeAttribute("data-countdown");
    // A crowd that reloads in the same instant is a second rush: spread it over a second and a half.
    if (clock.hasAttribute("data-reload")) setTimeout(again, 200 + Math.random() * 1300);
    if (clock.hasAttribute("data-hide")) clock.closest("form").hidden = true;
  }

  function tick() {
    var now = performance.now() + offset;
    clocks = clocks.filter(function (clock) {
      var ms = Number(clock.getAttribute("data-countdown")) - now;
      clock.textContent = left(ms);
      if (ms > 0) return true;
      end(clock);
      return false;
    });
    if (clocks.length) setTimeout(tick, 250);
  }

  tick();
})();
