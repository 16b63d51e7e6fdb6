// Numbers of a sale that change by themselves. Without this file the page shows them as they were when it came.
(function () {
  "use strict";
  var doc = document, box = doc.getElementById("numbers"), lost = doc.getElementById("lost");
  if (!box || !window.EventSource) return;
  var page = doc.body.getAttribute("data-path"), stays = box.hasAttribute("data-stays");
  var source = null, waiting = null, TRY_MS = 4000;

  function close() { if (source) source.close(); source = null; }
  function again() { close(); location.replace(page); }
  function later() { clearTimeout(waiting); waiting = setTimeout(look, TRY_MS * (0.6 + Math.random() * 0.8)); }
  function open() {
    clearTimeout(waiting);
    if (source) return;
    source = new EventSource(box.getAttribute("data-stream"));
    source.onmessage = function (event) { box.innerHTML = event.data; lost.hidden = true; };
    source.addEventListener("away", function () { lost.hidden = false; });
    source.addEventListener("end", again);
    source.onerror = function () {
      lost.hidden = false;
      if (source && source.readyState === 2) { close(); later(); } // refused, which the browser does not ask again
    };
  }
  // Why it was refused the browser does not say: the page itself does.
  function look() {
    var request = new XMLHttpRequest();
    request.open("GET", page);
    request.onload = function () {
      var moved = request.responseURL && request.responseURL.indexOf(page) < 0;
      if (moved || request.status === 404 || request.status === 403) again();
      else if (request.status === 200) open();
      else later();
    };
    request.onerror = later;
    request.send();
  }
  // A page that nobody sees asks for nothing, and lets its session end. A wall is always seen.
  doc.addEventListener("visibilitychange", function () {
    if (stays) return;
    if (doc.hidden) { close(); clearTimeout(waiting); } else open();
  });
  open();
})();
