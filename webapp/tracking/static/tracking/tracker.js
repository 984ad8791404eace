/* Freshet's tracker: what a visitor sees and does becomes events that arrive once, or wait until they can.

   The page tells it everything by attributes:
     <script data-session data-token data-consent data-socket data-collect>   the visit (template tag `tracker`)
     [data-slate data-slate-token data-surface]    a list; data-live = wants to be made anew (template tag `slate_attributes`)
       [data-item]                                 a card in it
         [data-track="click|dismissal|dismissal_undone"]   what is pressed; the last two are not submitted as forms
     [data-dwell data-item]                        an item's page or panel, read for as long as it is there
   A slate from a later session than the page's says so by data-session and data-token of its own.

   It tells the page by events on document: `freshet:slate` (detail: the message), `freshet:connection`
   (detail.state: open, closed, stopped; detail.pending: events not acknowledged yet), and on the pressed element,
   bubbling, `freshet:dismissal` and `freshet:dismissal_undone`. */
(() => {
  "use strict";
  const page = document.currentScript.dataset;
  const BATCH = 100, BLOCK = 64, LOW = 16; // events in a message; sequence numbers drawn at once, and when to draw more
  const SEEN_MS = 500, GROUP_MS = 250, SHORTEST_DWELL_MS = 1_000, ACK_MS = 10_000, LONGEST_WAIT_MS = 30_000;

  const pending = new Map(); // key → event: all that is not acknowledged yet, in the order it happened
  const blocks = new Map(); // session → its reserved numbers, and the events that wait for one
  const floors = new Map(); // session → lowest number that the server knows to be free
  let socket, greeted, inFlight, flushing, retrying, messages = 0, failures = 0, stopped = false;

  // -- The outbox: kept in IndexedDB so that a closed tab or a dead network loses nothing ------------------------------

  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  const durable = async () => {
    const opening = indexedDB.open("freshet", 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("events", { keyPath: "key" });
      opening.result.createObjectStore("counters");
    };
    const db = await done(opening);
    db.onversionchange = () => db.close(); // another tab deletes it: consent was withdrawn there
    const events = (mode) => db.transaction("events", mode).objectStore("events");
    return {
      // One transaction over a counter that all tabs share: no two tabs ever hold the same number.
      async reserve(session) {
        const counters = db.transaction("counters", "readwrite").objectStore("counters");
        const first = Math.max((await done(counters.get(session))) ?? 1, floors.get(session) ?? 1);
        counters.put(first + BLOCK, session);
        return first;
      },
      keep: (event) => done(events("readwrite").put(event)),
      drop: (keys) => { const kept = events("readwrite"); keys.forEach((key) => kept.delete(key)); },
      leftovers: () => done(events("readonly").getAll(null, 2_000)),
    };
  };

  // Without consent, or where storage is blocked: memory only. The counter then starts where the server says.
  const fleeting = () => {
    const next = new Map();
    return {
      async reserve(session) {
        await greeting;
        const first = Math.max(next.get(session) ?? 1, floors.get(session) ?? 1);
        next.set(session, first + BLOCK);
        return first;
      },
      keep: async () => {}, drop() {}, leftovers: async () => [],
    };
  };

  let greet;
  const greeting = new Promise((resolve) => { greet = resolve; });
  if (page.consent === "off") globalThis.indexedDB?.deleteDatabase("freshet");
  const opened = page.consent === "off" ? Promise.resolve(fleeting()) : durable().catch(fleeting);

  // Numbers come in blocks so that an event gets its own at once: a page that is just going away can't wait for storage.
  const refill = async (session, block) => {
    if (block.filling) return;
    block.filling = true;
    block.next = await (await opened).reserve(session);
    block.end = block.next + BLOCK;
    block.filling = false;
    number(session, block);
  };

  const number = (session, block) => {
    while (block.waiting.length && block.next < block.end) {
      const event = block.waiting.shift();
      event.seq = block.next++;
      event.key = `${session}/${event.seq}`;
      pending.set(event.key, event);
      if (event.type === "impression") flushing ??= setTimeout(flush, GROUP_MS);
      else flush();
      opened.then((outbox) => outbox.keep(event)).catch(() => {}); // full disk: still in memory
    }
    if (block.end - block.next < LOW) refill(session, block);
  };

  const record = (type, place, more = {}) => {
    if (stopped) return;
    const block = blocks.get(place.session) ?? { next: 0, end: 0, waiting: [], filling: false };
    blocks.set(place.session, block);
    block.waiting.push({ ...place, ...more, type, made: Date.now() });
    number(place.session, block);
  };

  // -- The connection: one batch under way at a time, nothing forgotten before its acknowledgement -------------------

  // A message speaks for one session token: take the events that share the oldest one's.
  const batch = () => {
    const token = pending.values().next().value?.token;
    return [...pending.values()].filter((event) => event.token === token).slice(0, BATCH);
  };

  const message = (events) => JSON.stringify({
    type: "events",
    id: ++messages,
    session: events[0].token,
    slates: Object.fromEntries(events.filter((event) => event.slate).map((event) => [event.slate, event.slateToken])),
    events: events.map(({ type, seq, slate, item, dwell_ms, made }) =>
      ({ type, seq, slate, item, dwell_ms, age_ms: Math.max(0, Date.now() - made) })),
    surfaces: [...new Set(Array.from(document.querySelectorAll("[data-slate][data-live]"), (list) => list.dataset.surface))],
  });

  const flush = () => {
    flushing = clearTimeout(flushing);
    if (!greeted || inFlight || retrying || !pending.size) return;
    const events = batch(), current = socket;
    socket.send(message(events));
    inFlight = { id: messages, events, deadline: setTimeout(() => current.close(), ACK_MS) };
  };

  const acknowledged = ({ id, outcomes }) => {
    if (id !== inFlight?.id) return;
    clearTimeout(inFlight.deadline);
    const settled = inFlight.events.filter(({ seq }) => outcomes[seq] !== "full").map(({ key }) => key);
    const full = settled.length < inFlight.events.length;
    inFlight = undefined;
    settled.forEach((key) => pending.delete(key));
    opened.then((outbox) => outbox.drop(settled)).catch(() => {});
    if (full) retrying = setTimeout(() => { retrying = undefined; flush(); }, backoff());
    else { failures = 0; flush(); }
    announce("open");
  };

  // What an earlier page left behind goes first; what another tab is sending meanwhile may go twice, which is harmless.
  const hello = async ({ session, next_seq }) => {
    const current = socket;
    floors.set(session, next_seq);
    const block = blocks.get(session);
    if (block && block.next < next_seq) { block.end = block.next; refill(session, block); }
    const left = await opened.then((outbox) => outbox.leftovers()).catch(() => []);
    left.sort((one, other) => one.made - other.made).forEach((event) => {
      if (!pending.has(event.key)) pending.set(event.key, event);
    });
    if (socket !== current) return;
    greeted = true;
    failures = 0;
    greet();
    announce("open");
    flush();
  };

  const receive = ({ data }) => {
    const said = JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data));
    if (said.type === "hello") hello(said);
    else if (said.type === "ack") acknowledged(said);
    else if (said.type === "slate") document.dispatchEvent(new CustomEvent("freshet:slate", { detail: said }));
  };

  const connect = () => {
    if (socket || stopped || document.hidden) return; // a hidden page connects when it is seen again
    const url = new URL(page.socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const opening = new WebSocket(url);
    socket = opening;
    opening.binaryType = "arraybuffer";
    opening.onmessage = receive;
    opening.onclose = () => {
      if (socket !== opening) return;
      clearTimeout(inFlight?.deadline);
      socket = greeted = inFlight = undefined;
      announce("closed");
      setTimeout(connect, backoff());
    };
  };

  // Half of the wait is luck, so that a restarted server is not met by everybody at once.
  const backoff = () => Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures++) * (0.5 + Math.random() / 2);

  const announce = (state) =>
    document.dispatchEvent(new CustomEvent("freshet:connection", { detail: { state, pending: pending.size } }));

  // The last resort of a page that goes away. Nothing is dropped: the next page sends it again unless it was accepted.
  const beacon = () => {
    if (pending.size && page.consent !== "off") navigator.sendBeacon(page.collect, message(batch()));
  };

  // -- What is seen and done ------------------------------------------------------------------------------------------

  const placeOf = (element) => {
    const item = element.closest("[data-item]").dataset.item;
    const list = element.closest("[data-slate]")?.dataset;
    const visit = list?.session ? list : page;
    return { session: visit.session, token: visit.token, slate: list?.slate ?? "", slateToken: list?.slateToken, item };
  };

  const seen = new Set(); // slate/item: an impression counts once
  const timers = new Map(); // card → timer: on screen, not yet long enough
  const watched = new WeakMap(); // card → slate under which it is watched

  const observer = new IntersectionObserver((entries) => entries.forEach(({ target, intersectionRatio }) => {
    clearTimeout(timers.get(target));
    timers.delete(target);
    if (intersectionRatio >= 0.5 && !document.hidden) timers.set(target, setTimeout(looked, SEEN_MS, target));
  }), { threshold: 0.5 });

  const looked = (card) => {
    timers.delete(card);
    if (!card.isConnected) return;
    const place = placeOf(card), once = `${place.slate}/${place.item}`;
    if (!seen.has(once)) record("impression", place);
    seen.add(once);
  };

  const watch = (again) => document.querySelectorAll("[data-slate] [data-item]").forEach((card) => {
    const { slate } = card.closest("[data-slate]").dataset;
    if (watched.get(card) === slate && !again) return;
    watched.set(card, slate);
    observer.unobserve(card); // observing anew reports it anew, under its new slate
    observer.observe(card);
  });

  let reading, clicked; // the item page that is open, and the last click: it says from which slate it was opened

  const read = (leaving) => {
    const shown = leaving || document.hidden ? null : document.querySelector("[data-dwell]");
    if (shown?.dataset.item === reading?.place.item) return;
    const dwell_ms = reading ? Math.round(performance.now() - reading.since) : 0;
    if (dwell_ms >= SHORTEST_DWELL_MS) record("dwell", reading.place, { dwell_ms });
    const place = shown && (clicked?.item === shown.dataset.item ? clicked : placeOf(shown));
    reading = place && { place, since: performance.now() };
  };

  const press = (event) => {
    const pressed = event.target.closest?.("[data-track]");
    const type = pressed?.dataset.track;
    if (!pressed || event.button > (type === "click" ? 1 : 0)) return; // a middle click opens too
    const place = placeOf(pressed);
    record(type, place);
    if (type === "click") { clicked = place; return; }
    event.preventDefault(); // the form behind it is for pages without this script
    pressed.dispatchEvent(new CustomEvent(`freshet:${type}`, { bubbles: true, detail: place }));
  };

  let looking;
  const changed = () => { looking ??= requestAnimationFrame(() => { looking = undefined; watch(); read(); }); };

  const shown = () => {
    read();
    if (document.hidden) { timers.forEach(clearTimeout); timers.clear(); flush(); return; }
    watch(true);
    connect();
  };

  document.addEventListener("click", press, true);
  document.addEventListener("auxclick", press, true);
  document.addEventListener("visibilitychange", shown);
  addEventListener("pagehide", () => { read(true); beacon(); socket?.close(); });
  addEventListener("pageshow", shown);
  addEventListener("online", connect);
  new MutationObserver(changed).observe(document.body,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-slate", "data-item"] });

  // Consent changed in another tab: this one stops at once, and starts again under the new choice when it is looked at.
  const others = new BroadcastChannel("freshet");
  others.onmessage = ({ data }) => {
    if (data === page.consent || stopped) return;
    stopped = true;
    pending.clear();
    socket?.close();
    announce("stopped");
    document.addEventListener("visibilitychange", () => { if (!document.hidden) location.reload(); });
  };
  others.postMessage(page.consent);

  changed();
  connect();
})();
