/* Freshet's outbox: events that arrive once, or wait until they can. `tracker.js` fills it.

   An event gets its session's next number, is kept in IndexedDB, goes over the websocket in a batch, and is forgotten only
   when the server acknowledges it. Numbers make resending harmless: the server takes each once. Where no websocket opens,
   the same messages go and come by requests, while sockets are tried on. Tells the page, by events on document,
   `freshet:slate` (detail: the message) and `freshet:connection` (detail.state: open, closed or stopped; detail.pending:
   how many events are not acknowledged yet). Calls `over` when the server says that the visit goes on in a session that
   is not the page's. */
globalThis.freshetOutbox = (page, surfaces, over) => {
  "use strict";
  const BATCH = 100, BLOCK = 32, LOW = 8; // events in a message; sequence numbers drawn at once, and when to draw more
  const GROUP_MS = 250, KNOCK_MS = 3_000, ANSWER_MS = 10_000, LONGEST_WAIT_MS = 30_000;

  const UNREADABLE = [1007, 1009]; // close codes: not a batch, too large
  const CODES = { 400: 1007, 413: 1009 }; // HTTP's for the same
  const KEPT_ALIVE = 60_000; // bytes; browsers take less than 64 KiB from a page that may be going

  const pending = new Map(); // key → event: all that is not acknowledged yet
  const blocks = new Map(); // session → its reserved numbers, and the events that wait for one
  const floors = new Map(); // session → lowest number that the server knows to be free
  let socket, requests, line; // `line`: the one of the two that has greeted, and takes what is sent
  let helloDue, knocking, inFlight, flushing, retrying, messages = 0, failures = 0, stopped = false, alone = false;

  // -- Keeping: a closed tab or a dead network loses nothing -----------------------------------------------------------

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
      // Committed at once: what waits for the page to hear of it is undone when the page goes.
      keep(event) {
        const kept = events("readwrite"), putting = done(kept.put(event));
        kept.transaction.commit();
        return putting;
      },
      drop: (keys) => { const kept = events("readwrite"); keys.forEach((key) => kept.delete(key)); },
      leftovers: () => done(events("readonly").getAll(null, 2_000)),
    };
  };

  // Without consent, or where storage is blocked: memory only. The counter then starts where the server says, and other
  // tabs may draw the same numbers: whose is in the log already under one that was never sent before is given the next.
  const fleeting = () => {
    const next = new Map();
    alone = true;
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
  const erase = () => globalThis.indexedDB?.deleteDatabase("freshet");
  if (page.consent === "off") erase();
  let opened = page.consent === "off" ? Promise.resolve(fleeting()) : durable().catch(fleeting);

  // Storage can go while the page is open, as when the browser's data are cleared: from then on memory must do.
  const reserve = async (session, from) => {
    try { return await (await opened).reserve(session); } catch {
      floors.set(session, Math.max(from, floors.get(session) ?? 1));
      opened = Promise.resolve(fleeting());
      return (await opened).reserve(session);
    }
  };

  // Numbers come in blocks so that an event gets its own at once: a page that is just going away can't wait for storage.
  const refill = async (session, block) => {
    if (block.filling) return;
    block.filling = true;
    do block.next = await reserve(session, block.end); // again where the server said meanwhile that these are taken
    while (block.next < (floors.get(session) ?? 1));
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

  const blockOf = (session) => {
    if (!blocks.has(session)) blocks.set(session, { next: 0, end: 0, waiting: [], filling: false });
    return blocks.get(session);
  };

  const enter = (event) => {
    const block = blockOf(event.session);
    block.waiting.push({ ...event, sent: 0 });
    number(event.session, block);
  };

  const record = (type, place, more = {}) => { if (!stopped) enter({ ...place, ...more, type, made: Date.now() }); };

  // -- Sending: one batch under way at a time --------------------------------------------------------------------------

  // A message speaks for one session token: take the events that share the oldest one's.
  const batch = () => {
    const token = pending.values().next().value?.token;
    return [...pending.values()].filter((event) => event.token === token).slice(0, BATCH);
  };

  const message = (events, wanted) => {
    events.forEach((event) => { event.sent++; });
    return JSON.stringify({
      type: "events",
      id: ++messages,
      session: events[0]?.token ?? page.token,
      slates: Object.fromEntries(events.filter((event) => event.slate).map((event) => [event.slate, event.slateToken])),
      events: events.map(({ type, seq, slate, item, dwell_ms, made }) =>
        ({ type, seq, slate, item, dwell_ms, age_ms: Math.max(0, Date.now() - made) })),
      surfaces: wanted,
    });
  };

  const flush = () => {
    flushing = clearTimeout(flushing);
    if (!line || inFlight || retrying || !pending.size) return;
    send(batch());
  };

  const send = (events) => {
    line.send(message(events, surfaces()));
    inFlight = { id: messages, events, by: line, deadline: deadline(line) };
  };

  // What does not answer in time is taken for gone: a peer that is dead says no goodbye, and browsers wait long for it.
  const deadline = (asked) => setTimeout(() => {
    asked.close();
    asked.onclose({ code: 1006 });
  }, ANSWER_MS);

  const acknowledged = ({ id, outcomes }) => {
    if (id !== inFlight?.id) return;
    clearTimeout(inFlight.deadline);
    const settled = inFlight.events.filter(({ seq }) => outcomes[seq] !== "full");
    const full = settled.length < inFlight.events.length, bySocket = inFlight.by === socket;
    inFlight = undefined;
    forget(settled);
    if (alone) settled.filter(({ seq, sent }) => sent === 1 && outcomes[seq] === "duplicate").forEach(enter);
    if (full) retrying = setTimeout(() => { retrying = undefined; flush(); }, backoff());
    else { if (bySocket) failures = 0; flush(); }
    announce("open");
  };

  const forget = (events) => {
    const keys = events.map(({ key }) => key);
    keys.forEach((key) => pending.delete(key));
    opened.then((outbox) => outbox.drop(keys)).catch(() => {});
  };

  // What an earlier page left behind goes along; what another tab is sending meanwhile may go twice, which is harmless.
  const hello = async ({ session, next_seq, running }, by) => {
    if (by === socket) { clearTimeout(helloDue); clearTimeout(knocking); }
    if (running && session !== page.session) { over(); return; }
    floors.set(session, next_seq);
    const block = blocks.get(session);
    if (block && block.next < next_seq) { block.end = block.next; refill(session, block); }
    const left = await opened.then((outbox) => outbox.leftovers()).catch(() => []);
    left.sort((one, other) => one.made - other.made).forEach((event) => {
      if (!pending.has(event.key)) pending.set(event.key, { ...event, sent: 1 }); // as somebody may have
    });
    if (by !== socket && by !== requests) return;
    line = by;
    greet();
    announce("open");
    if (by === socket) {
      clearTimeout(inFlight?.deadline);
      requests = inFlight = undefined; // what a request has under way goes again
      if (!pending.size) failures = 0; // else the acknowledgement tells whether all is well again
    }
    if (pending.size) flush();
    else if (by === socket && surfaces().length) send([]); // it knows what this page shows: let it follow other tabs
  };

  const receive = (said, by) => {
    if (said.type === "hello") hello(said, by);
    else if (said.type === "ack") acknowledged(said);
    else if (said.type === "slate") document.dispatchEvent(new CustomEvent("freshet:slate", { detail: said }));
  };

  const connect = () => {
    if (socket || stopped || document.hidden) return; // a hidden page connects when it is seen again
    const url = new URL(page.socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const opening = new WebSocket(url);
    let heard = false;
    socket = opening;
    opening.binaryType = "arraybuffer";
    opening.onmessage = ({ data }) => {
      heard = true;
      receive(JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data)), opening);
    };
    helloDue = deadline(opening);
    knocking = setTimeout(knock, KNOCK_MS);
    opening.onclose = ({ code }) => {
      if (socket !== opening) return;
      opening.onmessage = undefined;
      clearTimeout(helloDue);
      clearTimeout(knocking);
      socket = undefined;
      lost(opening, code);
      if (stopped) return;
      if (!heard) knock();
      setTimeout(connect, backoff());
    };
  };

  // Some proxies let no socket through, and say so or nothing at all.
  const knock = () => {
    if (line || stopped || document.hidden) return;
    const asking = {
      send: (body) => ask({ method: "POST", body, keepalive: new Blob([body]).size < KEPT_ALIVE }),
      close() {},
      onclose({ code }) { lost(asking, code); },
    };
    const ask = async (how) => {
      try {
        const answer = await fetch(page.collect, { ...how, signal: AbortSignal.timeout(ANSWER_MS) });
        if (!answer.ok) { asking.onclose({ code: CODES[answer.status] }); return; }
        const said = (await answer.text()).split("\n").map((text) => JSON.parse(text));
        said.forEach((message) => receive(message, asking));
      } catch { asking.onclose({ code: 1006 }); } // not reached, or what answers is not the site
    };
    requests = asking;
    ask({ cache: "no-store" });
  };

  const lost = (one, code) => {
    if (inFlight?.by === one) {
      clearTimeout(inFlight.deadline);
      if (UNREADABLE.includes(code)) forget(inFlight.events); // no server will ever read that batch
      inFlight = undefined;
    }
    if (line === one) line = undefined;
    if (requests === one) requests = undefined;
    if (!line && !stopped) announce("closed");
  };

  // Half of the wait is luck, so that a restarted server is not met by everybody at once.
  const backoff = () => Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures++) * (0.5 + Math.random() / 2);

  const announce = (state) =>
    document.dispatchEvent(new CustomEvent("freshet:connection", { detail: { state, pending: pending.size } }));

  // The last resort of a page that goes away. Nothing is dropped: the next page sends it again unless it was accepted.
  // Of what is too much for a browser, the oldest half is tried.
  const leave = () => {
    let events = page.consent === "off" ? [] : batch();
    while (events.length && !navigator.sendBeacon(page.collect, message(events, []))) events = events.slice(0, events.length >> 1);
    line = requests = undefined; // a page that is hidden on its way out sends nothing more
    socket?.close();
  };

  const stop = () => {
    stopped = true;
    pending.clear();
    socket?.close();
  };

  // A new connection asks the server anew which session it is that goes on.
  const askAgain = () => {
    const asked = requests;
    if (asked) line = requests = undefined;
    socket?.close();
    if (asked) knock();
  };

  addEventListener("online", connect);
  refill(page.session, blockOf(page.session)); // the first click may be the one that leaves the page
  return { record, connect, flush, leave, stop, erase, askAgain, announce };
};
