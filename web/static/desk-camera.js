// The camera as a reader of QR codes: by the browser's own, or where it has none (iPhones, Firefox) by a vendored one,
// which is loaded when it is needed first and kept for the time without the network.
(function () {
  "use strict";
  const doc = document, LOOK_MS = 150;
  const button = doc.getElementById("camera"), finder = doc.getElementById("viewfinder");
  const video = finder.querySelector("video"), hint = doc.getElementById("typing");
  let detector = null;

  function tell(name) { hint.replaceChildren(doc.getElementById(name).content.cloneNode(true)); }
  async function readsCodes() {
    if (!window.BarcodeDetector) return false;
    return (await window.BarcodeDetector.getSupportedFormats()).includes("qr_code");
  }
  async function reader() {
    const found = (await readsCodes()) ? window : await import(button.dataset.reader);
    return new found.BarcodeDetector({ formats: ["qr_code"] });
  }
  // What desk-offline.js keeps beside the page's own files.
  window.deskCamera = {
    files: async function () { return (await readsCodes()) ? [] : [button.dataset.reader, button.dataset.also]; },
  };
  async function open() {
    try {
      detector = detector || (await reader());
    } catch (error) {
      return tell("no-camera");
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) { // refused, none there, or a page without https, which has no `mediaDevices` at all
      return tell("no-camera-here");
    }
    finder.hidden = false;
    await video.play();
    look();
  }
  function close() {
    video.srcObject.getTracks().forEach(function (track) { track.stop(); });
    video.srcObject = null;
    finder.hidden = true;
  }
  async function look() {
    if (!video.srcObject) return;
    const codes = await detector.detect(video).catch(function () { return []; }); // no picture yet
    if (codes.length) doc.dispatchEvent(new CustomEvent("desk:read", { detail: codes[0].rawValue.trim() }));
    setTimeout(look, LOOK_MS);
  }
  button.addEventListener("click", function () { if (video.srcObject) close(); else open(); });
  finder.querySelector("button").addEventListener("click", close);
  button.hidden = false;
})();
