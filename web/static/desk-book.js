// What a desk knows without the network: the list it loaded, what it handed over since, and the seal of QR texts.
// All of it is in this browser's own store and survives its end. The page is desk-offline.js's business.
window.deskBook = (function () {
  "use strict";
  const SEALED = /^([0-9A-HJKMNP-TV-Z]{12}-[1-9][0-9]?)\.([0-9A-HJKMNP-TV-Z]{8}-[1-9][0-9]{0,3})\.([01])\.([A-Z2-7]{8})\.([A-Z2-7]{103})$/;
  const CODE = /^[0-9A-HJKMNP-TV-Z]{12}-[1-9][0-9]?$/, NUMBER = /^[0-9A-HJKMNP-TV-Z]{12}$/, CARD = /^[0-9]{6,32}$/;
  const TICKET = "ticketing ticket 1\n", LIST = "ticketing desk list 1\n";
  const subtle = window.crypto && window.crypto.subtle, bytes = new TextEncoder();

  // The store: `kept` has single things by name, `handed` a record for each hand-over by its key.
  let opening = null;
  function store() {
    opening = opening || new Promise(function (done, failed) {
      const asked = indexedDB.open("desk", 1);
      asked.onupgradeneeded = function () {
        asked.result.createObjectStore("kept");
        const handed = asked.result.createObjectStore("handed", { keyPath: "key" });
        handed.createIndex("codes", "codes", { multiEntry: true, unique: true }); // a ticket once, whichever window
      };
      asked.onsuccess = function () { done(asked.result); };
      asked.onerror = function () { failed(asked.error); };
    });
    return opening;
  }
  async function use(name, mode, act) {
    const base = await store();
    return new Promise(function (done, failed) {
      const change = base.transaction(name, mode, { durability: "strict" }), asked = act(change.objectStore(name));
      change.oncomplete = function () { done(asked.result); };
      change.onabort = change.onerror = function () { failed(change.error || asked.error); };
    });
  }
  function keep(name, value) { return use("kept", "readwrite", function (s) { return s.put(value, name); }); }
  function recall(name) { return use("kept", "readonly", function (s) { return s.get(name); }); }

  // Keys and signatures.
  function raw(text) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (c) { return c.charCodeAt(0); });
  }
  function fromLetters(text) { // base 32
    const out = [];
    let bits = 0, held = 0;
    for (const letter of text) {
      bits = (bits << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter);
      held += 5;
      if (held >= 8) { held -= 8; out.push((bits >> held) & 255); bits &= (1 << held) - 1; }
    }
    return new Uint8Array(out);
  }
  async function publicKey(text) { // null where the browser does not know Ed25519
    try {
      return await subtle.importKey("raw", raw(text), { name: "Ed25519" }, false, ["verify"]);
    } catch (error) {
      return null;
    }
  }
  function isSigned(key, signature, text) { return subtle.verify({ name: "Ed25519" }, key, signature, bytes.encode(text)); }

  // The list in memory, by whatever is swiped.
  let list = null, keys = {}, found = null, handed = new Map();
  async function take(text, signature) {
    const fresh = JSON.parse(text), key = await publicKey(fresh.public_key);
    if (key && !(await isSigned(key, raw(signature), LIST + text))) throw new Error("the list is not signed");
    const card = await subtle.importKey("raw", raw(fresh.card_key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    list = fresh;
    keys = { seal: key, card: card };
    found = index(fresh);
  }
  function index(fresh) {
    const by = { code: new Map(), number: new Map(), card: new Map(), gone: new Map(), event: new Map(), quota: new Map() };
    fresh.events.forEach(function (event) {
      by.event.set(event.id, event);
      event.quotas.forEach(function (quota) { by.quota.set(quota.id, quota.name); });
    });
    fresh.orders.forEach(function (order) {
      by.number.set(order.number, order);
      order.tickets.forEach(function (ticket) { by.code.set(ticket.code, order); });
      if (order.card !== null) by.card.set(order.card, (by.card.get(order.card) || []).concat(order));
    });
    fresh.gone.forEach(function (gone) { gone.codes.forEach(function (code) { by.gone.set(code, gone); }); });
    return by;
  }
  async function load(text, signature, asked) {
    await take(text, signature);
    await keep("list", { text: text, signature: signature });
    // What the site had answered before this list was asked for stands in it; what it took while the list was on its
    // way may not. Both times are of this device: the site's, as known here, is late by what an answer takes.
    for (const record of await records()) if (record.sent && record.sent < asked) await forget(record.key);
    await recount();
  }
  async function open() {
    const kept = await recall("list");
    if (kept) await take(kept.text, kept.signature).catch(function () { list = null; });
    await recount();
  }

  // What was handed over here.
  function records() { return use("handed", "readonly", function (s) { return s.getAll(); }); }
  function forget(key) { return use("handed", "readwrite", function (s) { return s.delete(key); }); }
  async function forgetOnline(after) {
    for (const record of await records()) if (record.online && record.at >= after) await forget(record.key);
    await recount();
  }
  async function recount() {
    handed = new Map();
    for (const record of await records()) record.codes.forEach(function (code) { handed.set(code, record); });
  }
  // Resolves when the record is on the disk; to false when one of its tickets was handed over here before.
  async function hand(record) {
    const before = await use("handed", "readonly", function (s) { return s.get(record.key); });
    if (before) return true; // the same act again
    try {
      await use("handed", "readwrite", function (s) { return s.add(record); });
    } catch (error) {
      await recount(); // another window's
      if (error && error.name === "ConstraintError") return false;
      throw error;
    }
    record.codes.forEach(function (code) { handed.set(code, record); });
    return true;
  }
  function note(changed) { // all in one go
    return use("handed", "readwrite", function (s) { return changed.map(function (record) { return s.put(record); }); });
  }

  // A swipe. Answers { kind, … }, of which desk-offline.js makes a verdict.
  async function swipe(typed, setup, now) {
    if (!list) return { kind: "no-list" };
    if (now > Date.parse(list.good_until)) return { kind: "old-list" };
    let text = typed.trim();
    if (text.startsWith(setup.prefix) && text.endsWith(setup.suffix)) text = text.slice(setup.prefix.length, text.length - setup.suffix.length).trim();
    text = text.normalize("NFKC").toUpperCase().replace(/\s/g, "");
    const sealed = SEALED.exec(text), digits = text.replace(/-/g, "");
    if (sealed) return bySeal(sealed, setup);
    if (CARD.test(digits)) {
      if (setup.length && digits.length !== setup.length) return { kind: "unread" };
      const mine = found.card.get(await tag(digits));
      if (mine) return waiting(mine, setup);
    }
    const plain = text.replace(/O/g, "0").replace(/[IL]/g, "1");
    return byCode(CODE.test(plain) ? plain : null, plain.replace(/-/g, ""), setup);
  }
  async function tag(digits) {
    const mac = new Uint8Array(await subtle.sign("HMAC", keys.card, bytes.encode(digits)));
    return (mac[0] << 16) | (mac[1] << 8) | mac[2];
  }
  function byCode(code, number, setup) {
    if (code) number = code.split("-")[0];
    if (code && handed.has(code)) return { kind: "here", record: handed.get(code) };
    if (code && found.gone.has(code)) return gone(found.gone.get(code));
    const order = code ? found.code.get(code) : NUMBER.test(number) && found.number.get(number);
    return order ? waiting([order], setup) : { kind: "unlisted" };
  }
  async function bySeal(sealed, setup) {
    const code = sealed[1], quota = sealed[2].toLowerCase(), event = quota.split("-")[0];
    const said = sealed[0].slice(0, sealed[0].lastIndexOf("."));
    if (sealed[4] !== list.key_name) return { kind: "forged" };
    if (keys.seal && !(await isSigned(keys.seal, fromLetters(sealed[5]), TICKET + said))) return { kind: "forged" };
    const known = byCode(code, "", setup);
    if (known.kind !== "unlisted") return known;
    if (!found.event.has(event) || !serves(setup, event)) return { kind: "event" };
    if (!keys.seal) return { kind: "unchecked" };
    if (sealed[3] === "1") return { kind: "unlisted-due" };
    const number = code.split("-")[0];
    const order = { id: number, number: number, event_id: event, name_masked: "", due: 0, currency: "", tickets: [{ code: code, quota_id: quota }] };
    return { kind: "hand", orders: [order], due: 0, since: true };
  }
  function serves(setup, event) { return !setup.events.length || setup.events.includes(event); }
  function waiting(orders, setup) {
    const mine = orders.filter(function (order) { return serves(setup, order.event_id); });
    if (!mine.length) return { kind: "event" };
    const left = mine.map(rest).filter(function (order) { return order.tickets.length; });
    if (!left.length) return { kind: "here", record: handed.get(mine[0].tickets[0].code) };
    const due = left.reduce(function (sum, order) { return sum + order.due; }, 0);
    return { kind: due ? "pay" : "hand", orders: left, due: due };
  }
  // An order without what was handed over here; with what was taken here nothing is due any more.
  function rest(order) {
    const tickets = order.tickets.filter(function (ticket) { return !handed.has(ticket.code); });
    const paid = Array.from(handed.values()).some(function (record) { return record.number === order.number && record.payment; });
    return Object.assign({}, order, { tickets: tickets, due: paid ? 0 : order.due });
  }
  function gone(facts) { return facts.collected_at ? { kind: "gone", facts: facts } : { kind: "void" }; }

  return {
    possible: Boolean(subtle && window.indexedDB && window.caches && navigator.serviceWorker),
    open: open, load: load, swipe: swipe, hand: hand, note: note, records: records, recount: recount, forgetOnline: forgetOnline, keep: keep, recall: recall,
    list: function () { return list; },
    checksSeals: function () { return Boolean(keys.seal); },
    title: function (id) { const event = found && found.event.get(id); return event ? event.title : ""; },
    quota: function (id) { return (found && found.quota.get(id)) || id; },
  };
})();
