// Prints the page by itself as soon as it is there. A roll's page gets the length of what is on it: nothing is cut off,
// and no paper runs out white.
(function () {
  "use strict";
  const MM = 96 / 25.4, button = document.querySelector("nav button"), paper = /\d+/.exec(document.body.className);
  function fit() {
    if (!paper || !/^paper-\d/.test(document.body.className)) return;
    const long = Math.ceil(document.querySelector("main").getBoundingClientRect().height / MM) + 1;
    const sheet = Array.from(document.styleSheets).find(function (each) { return /desk-print/.test(each.href); });
    sheet.insertRule("@page roll" + paper[0] + " { size: " + paper[0] + "mm " + long + "mm; margin: 0; }", sheet.cssRules.length);
  }
  button.hidden = false;
  button.addEventListener("click", function () { window.print(); });
  window.addEventListener("load", function () {
    fit();
    window.print();
  });
})();
