// The desk: a reader's digits always arrive in the one field, a verdict is seen and heard, one key hands out.
// Everything works without this file, a page at a time.
(function () {
  "use strict";
  const doc = document;
  const form = doc.getElementById("swipe-form"), field = doc.getElementById("swipe");
  const result = doc.getElementById("result"), said = doc.getElementById("said"), hint = doc.getElementById("typing");
  const READER_MS = 50;     // between two keys: a reader takes 1 to 20 ms, quick fingers 80 and more
  const READER_KEYS = 6;    // in a row at that pace: two keys can fall together under any hand
  const SAME_MS = 2000;     // a card that stays on the reader is read again and again
  const SEEN_MS = 300;      // an Enter sooner than this was meant for what stood there before
  const ANSWER_MS = 8000;

  // Sounds, without a file: rising for good, a low buzz for bad, twice the same for wait.
  const TONES = {
    good: ["sine", [880, 0.1], [1320, 0.16]],
    bad: ["square", [196, 0.22], [147, 0.4]],
    wait: ["triangle", [587, 0.12], [0, 0.06], [587, 0.12]],
  };
  let audio = null;
  function sound(tone) {
    const notes = TONES[tone], Audio = window.AudioContext || window.webkitAudioContext;
    if (!notes || !Audio) return;
    audio = audio || new Audio();
    audio.resume(); // browsers let a page sound only once somebody has touched or typed
    let at = audio.currentTime;
    notes.slice(1).forEach(function (note) {
      if (note[0]) beep(notes[0], note[0], at, note[1]);
      at += note[1];
    });
  }
  function beep(type, hertz, at, seconds) {
    const tone = audio.createOscillator(), volume = audio.createGain();
    tone.type = type;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.25, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
  }

  // The focus. It may go where somebody put it on purpose; from everywhere else it comes back.
  function home() { if (!doc.hidden) field.focus({ preventScroll: true }); }
  function keep() {
    const at = doc.activeElement;
    if (!at || at === doc.body || at === doc.documentElement || at.id === "main" || !at.offsetParent) home();
  }
  const HOLDS_FOCUS = "input:not([type=checkbox]):not([type=radio]), select, textarea, summary, a, button";
  doc.addEventListener("click", function (event) {
    // `detail` is 0 for a click made by a key: whoever goes by keyboard stays where they are.
    if (event.detail && !event.target.closest(HOLDS_FOCUS)) setTimeout(home, 0);
  });
  doc.addEventListener("focusout", function () { setTimeout(keep, 0); });
  doc.addEventListener("visibilitychange", function () { setTimeout(keep, 0); });
  window.addEventListener("focus", keep);
  setInterval(keep, 1000); // what had the focus may be gone without a word

  // On a phone the keyboard on the screen would cover the verdict; it comes when the field is tapped.
  const touch = window.matchMedia("(pointer: coarse)").matches;
  function quiet() { if (touch) field.inputMode = "none"; }
  field.addEventListener("pointerdown", function () { field.inputMode = "url"; });

  // Keys. A reader types like a person, but at a pace of its own, and wherever the focus is.
  let burst = null, pause = 0;
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return "";
    // Under an input method the key is not told, but which one it was on the keyboard is.
    if (event.isComposing || event.keyCode === 229) return physical(event.code);
    return event.key.length === 1 ? event.key : "";
  }
  function physical(code) {
    const known = /^(?:Key([A-Z])|(?:Digit|Numpad)(\d)|(Minus|NumpadSubtract)|Period)$/.exec(code);
    return known ? known[1] || known[2] || (known[3] ? "-" : ".") : "";
  }
  function byReader() { return Boolean(burst) && burst.text.length >= READER_KEYS; }
  function follows(event) { return Boolean(burst) && event.timeStamp - burst.at <= READER_MS; }
  function begin(text, event) {
    const at = doc.activeElement;
    burst = { text: text, at: event.timeStamp, into: at, before: at && at.value };
  }
  function gather(text, event) {
    if (event.repeat || !follows(event)) return begin(text, event);
    burst.text += text;
    burst.at = event.timeStamp;
    if (!byReader()) return undefined;
    event.preventDefault();
    if (burst.into !== field && burst.before !== undefined) burst.into.value = burst.before;
    field.value = burst.text; // in place of whatever was half typed
    home();
    return awaitMore();
  }
  function awaitMore() {
    // A reader that sends no Enter has sent as many characters as the desk is set to.
    clearTimeout(pause);
    const whole = Number(form.dataset.length), mine = burst;
    if (whole) pause = setTimeout(function () { if (burst === mine && mine.text.length === whole) taken(); }, 3 * READER_MS);
  }
  function taken() {
    const text = burst.text;
    burst = null;
    clearTimeout(pause);
    swipe(text);
  }
  doc.addEventListener("keydown", function (event) {
    if (event.key === "Shift" || event.key === "CapsLock") return; // a reader's capitals
    const ends = event.key === "Enter" || event.key === "Tab" || event.code === "Enter";
    if (ends && byReader() && follows(event)) {
      event.preventDefault();
      event.stopPropagation();
      taken();
      return;
    }
    const text = ends ? "" : pressed(event);
    if (!text) burst = null;
    if (event.key === "Escape") return clear();
    if (text) {
      if (doc.activeElement === doc.body) home();
      gather(text, event);
    }
    if (!event.defaultPrevented && shortcut(event)) event.preventDefault();
  }, true);

  // One key, one act. Enter in the empty field is for what is shown; elsewhere it belongs to what has the focus.
  let shownAt = 0;
  function shortcut(event) {
    if (event.key === "Enter" && (doc.activeElement !== field || field.value.trim())) return false;
    const button = Array.from(result.querySelectorAll("[data-key]")).find(function (each) {
      return each.dataset.key === event.key && !each.hidden && !each.disabled;
    });
    if (event.key === "Enter" && doc.activeElement === field && !button) return true; // not "please fill this in"
    if (!button) return false;
    if (!event.repeat && !busy && performance.now() - shownAt > SEEN_MS) button.click();
    return true;
  }

  // The Chinese input method. `ime-mode` is gone from browsers, and a field of type "password" would switch it off, but
  // hide what is typed from the clerk, call itself a password to who listens, and have browsers keep card numbers.
  // So the field asks for a Latin keyboard (lang, inputmode); and what is composed all the same is taken by its keys.
  let composed = null;
  field.addEventListener("compositionstart", function () {
    composed = composed || { before: field.value, keys: "" };
  });
  field.addEventListener("keydown", function (event) {
    if (!event.isComposing && event.keyCode !== 229) return;
    const text = physical(event.code);
    if (!event.isComposing) composed = { before: field.value, keys: "" }; // the key that begins it
    composed.keys = event.code === "Backspace" ? composed.keys.slice(0, -1) : composed.keys + text;
  });
  field.addEventListener("compositionend", function () {
    const typed = composed;
    composed = null;
    setTimeout(function () { // after the browser has put in what was composed
      if (byReader()) field.value = burst.text;
      else if (typed) field.value = typed.before + typed.keys;
      tell("chinese-input");
    }, 0);
  });
  function tell(name) { hint.replaceChildren(doc.getElementById(name).content.cloneNode(true)); }

  // Swipes and forms go out one after the other; the page around them stays.
  let busy = false, next = null, last = { text: "", at: -SAME_MS };
  function swipe(text) {
    field.value = "";
    quiet();
    const now = performance.now(), same = text === last.text && now - last.at < SAME_MS;
    last = { text: text, at: now };
    if (same || !text) return;
    hint.replaceChildren();
    const left = unrecorded();
    const body = new URLSearchParams({ swipe: text });
    const act = function () {
      put(doc.getElementById("looking").content.cloneNode(true), ...result.querySelectorAll(".recent"));
      return send("/desk", body, left);
    };
    if (busy) next = act; else act();
  }
  doc.addEventListener("desk:read", function (event) { swipe(event.detail); }); // by camera
  doc.addEventListener("submit", function (event) {
    const sent = event.target;
    if (sent !== form && !result.contains(sent)) return;
    event.stopPropagation();
    if (sent.hasAttribute("data-paper")) return toPaper(sent); // goes on by itself
    event.preventDefault();
    if (sent === form) return swipe(field.value.trim());
    if (!busy) act(sent, event.submitter);
  }, true);
  function act(sent, button) {
    const body = new URLSearchParams(new FormData(sent));
    if (button && button.name) body.append(button.name, button.value);
    sent.dataset.sent = "";
    send(sent.getAttribute("action"), body, null);
  }

  // Paper is printed from a frame that nobody sees, so that the page stays and the field keeps the focus. Phones print
  // the page around a frame in its place; there it is a page of its own.
  let frame = null;
  function toPaper(sent) {
    sent.target = touch ? "_blank" : "paper";
    if (!touch) frame = frame || newFrame();
  }
  function newFrame() {
    const made = doc.createElement("iframe");
    made.name = "paper";
    made.className = "paper-frame";
    made.tabIndex = -1;
    made.setAttribute("aria-hidden", "true");
    doc.body.append(made);
    made.addEventListener("load", function () {
      const page = made.contentDocument;
      if (!page || (page.URL !== "about:blank" && !page.querySelector(".receipt"))) tell("no-paper");
      home();
    });
    return made;
  }
  function printNow() {
    const asked = result.querySelector("form[data-now]");
    if (asked && !touch) asked.requestSubmit(); // a window that opens by itself would be held back
  }

  // Whose tickets were on the screen and not recorded as handed out, when the next card is swiped.
  function unrecorded() {
    const shown = result.querySelector("form[data-hand]"), who = result.querySelector(".who");
    return shown && who ? who.textContent.trim().replace(/\s+/g, " ") : null;
  }

  async function send(url, body, left) {
    const giveUp = new AbortController(), timer = setTimeout(function () { giveUp.abort(); }, ANSWER_MS);
    busy = true;
    result.setAttribute("aria-busy", "true");
    const away = window.deskAway; // desk-offline.js: goes on without the network
    try {
      const own = away ? await away.answer(url, body, result) : null;
      if (own) return putOwn(own, left);
      const answer = await fetch(url, { method: "POST", body: body, signal: giveUp.signal });
      show(new DOMParser().parseFromString(await answer.text(), "text/html"), answer, left);
      if (away) away.done(result).catch(function () {});
    } catch (error) {
      const own = away && !error.refused ? await away.lost(url, body, result).catch(function () { return null; }) : null;
      if (own) putOwn(own, left); else lost(function () { send(url, body, left); });
    } finally {
      clearTimeout(timer);
      busy = false;
      result.removeAttribute("aria-busy");
      const waiting = next;
      next = null;
      if (waiting) waiting();
    }
    return undefined;
  }
  function show(page, answer, left) {
    const fresh = page.getElementById("result");
    if (!fresh) { // signed out, or a fault that has a page of its own
      if (answer.redirected) location.assign(answer.url); else throw Object.assign(new Error("no result"), { refused: answer.status < 502 });
      return;
    }
    put(...fresh.childNodes);
    const who = result.querySelector(".who");
    if (left && !(who && who.textContent.trim().replace(/\s+/g, " ") === left)) warn(left);
    // A reload shows what was handed out and can be taken back; a swipe leaves no trace in the address.
    const path = new URL(answer.url).pathname + new URL(answer.url).search;
    history.replaceState(null, "", answer.redirected ? path : "/desk");
    const timing = /now;dur=(\d+)/.exec(answer.headers.get("Server-Timing") || "");
    doc.dispatchEvent(new CustomEvent("page:changed", { detail: timing ? Number(timing[1]) : 0 }));
    announce();
    if (answer.redirected) printNow();
  }
  function putOwn(own, left) {
    put(own);
    const who = own.querySelector(".who");
    if (left && !(who && who.textContent.trim() && left.startsWith(who.textContent.trim()))) warn(left);
    announce();
  }
  function lost(again) {
    const note = doc.getElementById("no-answer").content.cloneNode(true);
    note.querySelector("[data-repeat]").addEventListener("click", function () { if (!busy) again(); });
    result.querySelectorAll("[data-kind=no-answer], [data-kind=looking]").forEach(function (old) { old.remove(); });
    result.querySelectorAll("[data-key]").forEach(function (old) { old.disabled = true; }); // repeated by its own key
    result.prepend(note);
    announce();
  }
  function put() {
    doc.querySelectorAll("main > .message").forEach(function (old) { old.remove(); }); // said of what was before
    result.replaceChildren.apply(result, arguments);
    shownAt = performance.now();
    window.scrollTo(0, 0);
    home();
  }
  function announce() {
    const verdict = result.querySelector(".verdict"), word = verdict && verdict.querySelector(".word");
    const who = verdict && verdict.querySelector(".who");
    said.textContent = [word, who].filter(Boolean).map(function (each) { return each.textContent; }).join(". ");
    shownAt = performance.now();
    if (verdict) sound(verdict.dataset.tone);
    home();
  }
  function warn(name) {
    const note = doc.getElementById("unrecorded").content.cloneNode(true);
    note.firstElementChild.textContent = note.firstElementChild.textContent.replace("NAME", name);
    result.append(note);
  }
  function clear() {
    field.value = "";
    hint.replaceChildren();
    home();
  }

  // Ticks: what is not ticked waits, and what waits is not paid for.
  result.addEventListener("change", function (event) {
    const hand = event.target.closest("form[data-hand]");
    if (!hand || event.target.type !== "checkbox") return;
    const ticked = hand.querySelectorAll("input[type=checkbox]:checked").length;
    const due = Array.from(hand.querySelectorAll("fieldset")).reduce(function (sum, order) {
      return sum + (order.querySelector("input:checked") ? Number(order.dataset.due) : 0);
    }, 0);
    hand.querySelectorAll(".pay, .pay button, .total").forEach(function (each) { each.hidden = !due; });
    hand.querySelectorAll(".total").forEach(function (each) {
      each.textContent = each.textContent.replace(/\d[\d.,]*/, (due / 100).toFixed(2));
    });
    hand.querySelector("[data-free]").hidden = due > 0;
    const word = result.querySelector(".word[data-many]");
    if (word) word.textContent = ticked === 1 ? word.dataset.one : word.dataset.many.replace(/9[,.\u00a0]?999/, ticked);
  });

  quiet();
  home();
})();
