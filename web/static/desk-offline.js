// The desk without the network: answers swipes and hand-overs from desk-book.js, says so, and sends what was kept.
(function () {
  "use strict";
  const doc = document, book = window.deskBook, bar = doc.getElementById("network");
  const PROBE_MS = 4000, WATCH_MS = 30000, LIST_MS = 10 * 60000, SENT_AT_ONCE = 50, UNDO_MS = 61000;
  const lang = doc.documentElement.lang, setup = {
    prefix: bar.dataset.prefix, suffix: bar.dataset.suffix, length: Number(bar.dataset.length),
    events: bar.dataset.events ? bar.dataset.events.split(",") : [],
  };
  let away = false, since = 0, offset = 0, listed = 0, trouble = "", ready = false, watching = null, probing = null;
  let unsettled = 0, toldAt = 0;

  function now() { return Date.now() + offset; }
  function hour(ms) { return new Date(ms).toLocaleTimeString(lang, { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit" }); }
  function money(amount, currency) { return new Intl.NumberFormat(lang, { style: "currency", currency: currency || "CNY" }).format(amount / 100); }
  function copy(id) { return doc.getElementById(id).content.firstElementChild.cloneNode(true); }
  function words(id, values) {
    const text = doc.getElementById(id).content.textContent.trim();
    return Object.keys(values || {}).reduce(function (said, name) { return said.replace(name, values[name]); }, text);
  }

  // What the bar says.
  async function say() {
    const records = await book.records(), list = book.list(), lines = [];
    const waiting = records.filter(function (record) { return !record.sent; });
    const state = away ? words("network-away", { WHEN: hour(since) }) : words("network-online");
    if (waiting.length) lines.push(words("network-waiting", { NUM: waiting.length }));
    lines.push(list ? words("network-list", { WHEN: hour(Date.parse(list.as_of)) }) : words("network-no-list"));
    if (list && !book.checksSeals()) lines.push(words("network-no-seals"));
    if (trouble) lines.push(trouble);
    bar.dataset.state = away ? "away" : "online";
    bar.dataset.waiting = waiting.length;
    bar.dataset.list = list ? list.as_of : "";
    bar.querySelector("strong").textContent = state;
    bar.querySelector("[data-more]").textContent = lines.join(" ");
    bar.querySelector("[data-conflicts]").hidden = !unsettled;
    bar.querySelector("[data-conflicts]").textContent = words("network-conflicts", { NUM: unsettled });
  }
  // The site counts the conflicts that nobody has settled. What is kept here tells of those that this desk sent, and is
  // forgotten with the next list. Answers may come in another order than they were asked for: the last asked counts.
  function hear(count, asked) {
    if (asked < toldAt) return;
    toldAt = asked;
    unsettled = count;
    book.keep("unsettled", count);
  }

  // Away or not: told by what was asked last, and asked again until it answers.
  function turn(isAway) {
    if (isAway === away) return;
    away = isAway;
    since = away ? now() : 0;
    book.keep("since", since);
    say();
  }
  // One at a time: a list that is asked for while something is being sent may be without it.
  function probe() {
    probing = probing || ask().finally(function () { probing = null; });
    return probing;
  }
  async function ask() {
    clearTimeout(watching);
    try {
      const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PROBE_MS) });
      if (!answer.ok) throw new Error("no site");
      learn(answer);
      turn(false);
      await flush().then(refresh).catch(function () { trouble = words("network-not-taken"); });
    } catch (error) {
      turn(true);
    }
    watching = setTimeout(probe, away ? PROBE_MS : WATCH_MS);
  }
  function learn(answer) { // the server's time, for a device whose clock is wrong
    const time = Number(answer.headers.get("Server-Time"));
    if (!time) return;
    offset = time - Date.now();
    book.keep("offset", offset);
  }

  // What is loaded while there is a network: the list, and the page itself.
  async function refresh() {
    if (Date.now() - listed < LIST_MS) return;
    const query = setup.events.length ? "?events=" + setup.events.join(",") : "";
    const asked = performance.now(), sentBy = now();
    const answer = await fetch("/api/v1/desk/offline" + query, { cache: "no-store" });
    learn(answer);
    if (answer.ok) {
      trouble = "";
      try {
        await book.load(await answer.text(), answer.headers.get("Desk-List-Signature"), sentBy);
        hear(book.list().unsettled, asked);
      } catch (error) {
        trouble = words("network-bad-list");
      }
      listed = Date.now();
      await keepPage();
    } else if (answer.status === 401) trouble = words("network-sign-in");
    else if (answer.status === 422) trouble = words("network-too-much") + " " + (await answer.json()).errors.map(function (one) { return one.reason; }).join(" ");
    await say();
  }
  async function keepPage() {
    const fresh = await fetch("/desk", { cache: "no-store" });
    if (!fresh.ok || fresh.redirected) return;
    const kept = await caches.open("desk"), files = Array.from(doc.querySelectorAll("script[src], link[rel=stylesheet], link[rel=icon]"));
    const wanted = files.map(function (file) { return file.src || file.href; });
    for (const name of await window.deskCamera.files()) wanted.push(new URL(name, location.href).href);
    await kept.addAll(wanted);
    await kept.put("/desk", fresh);
    for (const old of await kept.keys()) {
      if (new URL(old.url).pathname !== "/desk" && !wanted.includes(old.url)) await kept.delete(old);
    }
  }

  // What was kept is sent; each has its own key, so that nothing is booked twice however often it goes.
  async function flush() {
    try {
      const waiting = (await book.records()).filter(function (record) { return !record.sent; });
      for (let at = 0; at < waiting.length; at += SENT_AT_ONCE) await post(waiting.slice(at, at + SENT_AT_ONCE));
    } finally {
      await book.recount();
      await say();
    }
  }
  async function post(waiting) {
    const asked = performance.now();
    const answer = await fetch("/api/v1/desk/offline/hand-overs", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ device: await device(), hand_overs: waiting.map(plain) }),
    });
    if (answer.status === 422 && waiting.length > 1) { // one of them: the others go without it
      for (const one of waiting) await post([one]);
      return;
    }
    if (!answer.ok) {
      trouble = answer.status === 401 || answer.status === 403 ? words("network-sign-in") : words("network-not-taken");
      return;
    }
    trouble = "";
    const taken = await answer.json(), results = taken.results;
    hear(taken.unsettled, asked);
    await book.note(waiting.map(function (record, at) {
      const outcome = results[at].outcome, sent = outcome === "waiting" ? 0 : now();
      return Object.assign({}, record, { outcome: outcome, reason: results[at].reason, sent: sent });
    }));
    if (results.some(function (one) { return one.reason === "out_of_reach"; })) trouble = words("network-out-of-reach");
  }
  function plain(record) {
    return {
      key: record.key, ticket_codes: record.codes, desk: record.desk, clerk: record.clerk,
      at: new Date(record.at).toISOString(), payment: record.payment,
    };
  }
  async function device() {
    let name = await book.recall("device");
    if (!name) await book.keep("device", (name = crypto.randomUUID()));
    return name;
  }

  // Verdicts, in the shape the page has them from the site.
  function verdict(kind, values) {
    const shown = copy("away-" + kind), word = shown.querySelector(".word[data-many]");
    if (word) word.textContent = values.NUM === 1 ? word.dataset.one : word.dataset.many.replace(/9[,.\u00a0]?999/, values.NUM);
    shown.querySelectorAll("h2, p").forEach(function (part) {
      Object.keys(values || {}).forEach(function (name) { part.textContent = part.textContent.replace(name, values[name]); });
    });
    return shown;
  }
  async function swiped(text) {
    const seen = await book.swipe(text, setup, now());
    if (seen.kind === "hand" || seen.kind === "pay") return toHand(seen);
    if (seen.kind === "gone") return verdict("gone", { WHEN: hour(Date.parse(seen.facts.collected_at)), DESK: seen.facts.desk, CLERK: seen.facts.clerk });
    if (seen.kind === "here") return goneHere(seen.record);
    return verdict(seen.kind);
  }
  function goneHere(record) { return verdict("gone", { WHEN: hour(record.at), DESK: record.desk, CLERK: record.clerk }); }
  function toHand(seen) {
    const tickets = seen.orders.reduce(function (sum, order) { return sum + order.tickets.length; }, 0);
    const shown = verdict(seen.kind, { NUM: tickets }), form = copy("away-form"), names = new Set();
    form.elements.key.value = crypto.randomUUID();
    seen.orders.forEach(function (order) {
      names.add(order.name_masked);
      form.querySelector("[data-orders]").append(fieldset(order));
    });
    if (seen.since) shown.append(copy("away-since"));
    const who = doc.createElement("p");
    who.className = "who";
    who.textContent = Array.from(names).join(", ");
    shown.append(who, form);
    form.querySelector(".total").textContent = form.querySelector(".total").textContent.replace("AMOUNT", money(seen.due, seen.orders[0].currency));
    form.querySelectorAll(".pay, .pay button, .total").forEach(function (part) { part.hidden = !seen.due; });
    form.querySelector("[data-free]").hidden = seen.due > 0;
    return shown;
  }
  function fieldset(order) {
    const box = copy("away-order");
    box.dataset.due = order.due;
    box.querySelector("legend").textContent = book.title(order.event_id);
    order.tickets.forEach(function (ticket) {
      const line = copy("away-ticket");
      line.querySelector("input").value = order.id + " " + ticket.code;
      line.querySelector("[data-quota]").textContent = book.quota(ticket.quota_id) + " ";
      line.querySelector(".code").textContent = ticket.code;
      box.append(line);
    });
    return box;
  }

  // A hand-over, which may have been tried online: then its key is the one that the site knows, or not.
  async function handed(body, result) {
    const method = body.get("method"), orders = new Map();
    body.getAll("ticket").forEach(function (value) {
      const order = value.split(" ")[0], code = value.split(" ")[1];
      orders.set(order, (orders.get(order) || []).concat(code));
    });
    let codes = [];
    for (const [order, mine] of orders) {
      const due = dueOf(result, order + " " + mine[0]);
      if (due && !method) return verdict("pay");
      const kept = await book.hand({
        key: (body.get("key") + "." + order).slice(0, 255), codes: mine, number: mine[0].split("-")[0], at: now(),
        desk: bar.dataset.desk, clerk: bar.dataset.clerk, payment: due ? { method: method, amount: due } : null, sent: 0,
      });
      if (!kept) return swiped(mine[0]);
      codes = codes.concat(mine);
    }
    await say();
    return codes.length ? verdict("handed", { NUM: codes.length, CODES: codes.join(" ") }) : null;
  }
  function dueOf(result, value) {
    const box = Array.from(result.querySelectorAll("input[name=ticket]")).find(function (input) { return input.value === value; });
    return box ? Number(box.closest("fieldset").dataset.due || 0) : 0;
  }

  // For desk.js: what an act comes to here, or null for what only the site can do.
  async function answer(url, body, result) {
    if (!ready) return null;
    if (!away) return unsent(url, body);
    if (url === "/desk") return swiped(body.get("swipe"));
    return url === "/desk/pickups" ? handed(body, result) : null;
  }
  // With the network back, the site does not know yet what is still being sent: here it is known, and goes out once.
  async function unsent(url, body) {
    const waiting = (await book.records()).filter(function (record) { return !record.sent; });
    if (!waiting.length) return null;
    const codes = body.getAll("ticket").map(function (value) { return value.split(" ")[1]; });
    let mine = waiting.find(function (record) { return record.codes.some(function (code) { return codes.includes(code); }); });
    if (url === "/desk") {
      const seen = await book.swipe(body.get("swipe"), setup, 0); // however old the list is
      mine = seen.kind === "here" && !seen.record.sent ? seen.record : null;
    }
    return mine ? goneHere(mine) : null;
  }
  async function lost(url, body, result) {
    if (!ready) return null;
    turn(true);
    clearTimeout(watching);
    watching = setTimeout(probe, PROBE_MS);
    return answer(url, body, result);
  }

  // For desk.js too: what the site handed out here is on no list yet, and must not go out again when the network does.
  async function done(result) {
    if (!ready) return;
    const kind = (result.querySelector(".verdict") || { dataset: {} }).dataset.kind;
    if (kind === "handed") {
      for (const shown of result.querySelectorAll(".verdict .code")) await online(shown.textContent.replace(/[^0-9A-Z-]/g, ""));
    } else if (kind === "undone") {
      await book.forgetOnline(now() - UNDO_MS);
      await probing; // whose list may be of before
      listed = 0;
      await probe();
    }
  }
  function online(code) {
    return book.hand({
      key: "online." + code + "." + now(), codes: [code], number: code.split("-")[0], at: now(), desk: bar.dataset.desk,
      clerk: bar.dataset.clerk, payment: null, sent: now(), online: true,
    });
  }

  async function start() {
    bar.hidden = false;
    if (!book.possible) {
      bar.querySelector("strong").textContent = words("network-impossible");
      return;
    }
    await navigator.serviceWorker.register("/desk/worker.js", { scope: "/desk" });
    await book.open();
    offset = (await book.recall("offset")) || 0;
    since = (await book.recall("since")) || 0;
    unsettled = (await book.recall("unsettled")) || 0;
    away = since > 0;
    ready = true;
    window.addEventListener("offline", function () { turn(true); });
    window.addEventListener("online", probe);
    await say();
    await probe();
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist();
  }
  window.deskAway = { answer: answer, lost: lost, done: done };
  start().catch(function () { bar.querySelector("strong").textContent = words("network-impossible"); });
})();
