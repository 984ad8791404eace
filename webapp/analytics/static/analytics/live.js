/* The live page's moving parts: the tail of events and the series drawn from it.

   The stream resumes by itself: the browser sends the last offset it has, and the server goes on from there. Everything
   here is bounded: as many rows as the page was given, SECONDS seconds of counts, DELAYS delays. */
(() => {
  "use strict";
  const SECONDS = 300, DELAYS = 1_000, PAINT_MS = 250, SAID_EVERY_MS = 5_000, AGAIN_MS = 10_000, SILENT_MS = 20_000;
  const tail = document.querySelector("[data-stream]");
  if (!tail) return;
  const { stream, yours, size, sessions } = tail.dataset, realOnly = "realOnly" in tail.dataset;
  const state = document.querySelector("#tail-state"), lines = document.querySelector("#tail-lines");
  const held = document.querySelector("#tail-held");
  const blank = document.querySelector("#tail-line").content.firstElementChild;
  const says = document.querySelector("#series-summary");
  const fromHere = Date.now();
  let watchedFrom = fromHere; // since when somebody has seen the page: what came before was late for no fault of ours

  // -- What came ------------------------------------------------------------------------------------------------------
  let last = tail.dataset.after, source, waiting = [], received = 0, repeats = 0;
  let arrived = [];
  const seconds = new Map(), delays = [];
  const number = new Intl.NumberFormat("en"), two = (value) => String(value).padStart(2, "0");

  const isAfter = (offset, other) => {
    const [ms, sequence] = offset.split("-").map(Number), [otherMs, otherSequence] = other.split("-").map(Number);
    return ms > otherMs || (ms === otherMs && sequence > otherSequence);
  };
  const nothing = () => ({ events: 0, yours: 0, explored: 0, outside: 0, simulated: 0, lag: null });
  const second = (atMs) => {
    const at = Math.floor(atMs / 1_000);
    if (!seconds.has(at)) seconds.set(at, nothing());
    return seconds.get(at);
  };
  let lastNote = "0-0";
  const take = ({ data }) => {
    const entry = JSON.parse(data);
    if (entry.offset) {
      if (!isAfter(entry.offset, last)) { repeats += 1; return; }
      last = entry.offset;
      received += 1;
    } else {
      if (!isAfter(entry.note, lastNote)) return;
      lastNote = entry.note;
    }
    if (realOnly && entry.simulated) return;
    const counts = second(entry.at_ms), count = entry.count ?? 1;
    if (entry.offset) counts.events += 1;
    if (entry.offset && entry.simulated) counts.simulated += 1;
    counts.explored += entry.explored ?? 0;
    if (entry.outcome !== "accepted") counts.outside += count;
    if (entry.session === yours) counts.yours += count;
    waiting.push(entry);
    if (waiting.length > size) waiting.shift();
    if (entry.at_ms >= watchedFrom && entry.offset) {
      arrived.push(entry.at_ms);
      if (arrived.length > DELAYS) arrived.shift();
    }
  };

  // -- The tail -------------------------------------------------------------------------------------------------------
  const clock = (atMs) => {
    const at = new Date(atMs);
    return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  };
  const line = (entry) => {
    const row = blank.cloneNode(true), put = (name, text) => { row.querySelector(`[data-is=${name}]`).textContent = text; };
    put("time", clock(entry.at_ms));
    put("kind", (entry.count ?? 1) > 1 ? `${entry.kind ?? "event"} × ${entry.count}` : entry.kind ?? "event");
    put("what", `${entry.title ?? ""}${entry.position >= 0 ? ` at ${entry.position}` : ""}`);
    const session = row.querySelector("[data-is=session]").firstElementChild;
    session.textContent = (entry.session ?? "").slice(0, 8);
    if (session.matches("a")) {
      if (entry.session) session.href = `${sessions}${encodeURIComponent(entry.session)}/`;
      else session.replaceWith(...session.childNodes);
    }
    put("who", (entry.simulated ? "simulated" : "") + (entry.session === yours ? " you" : ""));
    put("outcome", entry.outcome);
    put("why", entry.why ?? "");
    row.dataset.outcome = entry.outcome;
    if (entry.session === yours) row.dataset.yours = "";
    return row;
  };
  const paint = () => {
    // Nothing moves under the pointer or the focus; what comes meanwhile waits, as much of it as there are rows.
    held.hidden = !tail.matches(":hover, :focus-within");
    if (document.hidden || !held.hidden) arrived = [];
    else if (waiting.length) {
      const rows = waiting.reverse().map(line);
      waiting = [];
      document.querySelector("#tail-empty").hidden = true;
      lines.prepend(...rows);
      while (lines.childElementCount > size) lines.lastElementChild.remove();
    }
    if (arrived.length) {
      const came = arrived;
      arrived = [];
      requestAnimationFrame(() => {
        const now = Date.now();
        delays.push(...came.map((atMs) => now - atMs));
        delays.splice(0, delays.length - DELAYS);
      });
    }
    Object.assign(tail.dataset, { received, repeats, last });
  };
  setInterval(paint, PAINT_MS);
  const percentile = (share) => [...delays].sort((one, other) => one - other)[Math.floor(delays.length * share)];

  // -- The series -----------------------------------------------------------------------------------------------------
  const probe = document.querySelector("#series");
  probe.style.transitionProperty = "none"; // or what is read is where the transition begins: the color before
  const color = (name) => {
    probe.style.color = `var(--${name})`;
    const found = getComputedStyle(probe).color;
    probe.style.color = "";
    return found;
  };
  const charts = [];
  const draw = (element) => {
    const { series, tint, unit } = element.dataset;
    const quiet = () => color("quiet"), grid = { stroke: () => color("line"), width: 1 };
    const axis = { stroke: quiet, grid, ticks: { show: false }, font: "12px system-ui" };
    const chart = new uPlot({
      width: element.clientWidth, height: 140, cursor: { sync: { key: "live" }, points: { show: false } },
      legend: { show: false }, padding: [8, 16, 0, 0],
      scales: { y: { range: (self, low, high) => [0, Math.max(high ?? 0, 1) * 1.1] } },
      axes: [{ ...axis, space: 48, incrs: [60, 120], values: (self, ticks) => ticks.map((at) => clock(at * 1_000).slice(0, 5)) }, { ...axis, size: 48, values: (self, ticks) => ticks.map((tick) => number.format(tick) + unit) }],
      series: [{}, { stroke: () => color(tint), width: 1.5, points: { show: false } }],
    }, [[], []], element);
    charts.push({ chart, element, series });
  };
  const times = () => {
    const now = Math.floor(Date.now() / 1_000);
    return Array.from({ length: SECONDS }, (none, index) => now - SECONDS + index);
  };
  const redraw = () => {
    const at = times();
    for (const known of seconds.keys()) if (known < at[0]) seconds.delete(known);
    if (document.hidden) return;
    const first = Math.min(...seconds.keys());
    for (const { chart, series } of charts) {
      const values = at.map((each) => seconds.get(each)?.[series] ?? (series === "lag" || each < first ? null : 0));
      chart.setData([at, values]);
    }
  };
  const minute = () => times().slice(-60).filter((at) => at * 1_000 >= fromHere).map((at) => seconds.get(at) ?? nothing());
  const say = () => {
    const rows = minute();
    if (rows.length < 2) return;
    const span = rows.length < 60 ? `${rows.length} seconds, since this page was opened,` : "minute";
    const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
    const events = rows.map((row) => row.events), lag = Math.max(...rows.map((row) => row.lag ?? 0));
    if (!sum("events") && !sum("outside")) {
      says.textContent = `In the last ${span} nothing came${realOnly ? " from real visitors" : ""}. The fold was at most ${number.format(lag)} ms behind.`;
      return;
    }
    says.textContent =
      `In the last ${span} ${number.format(sum("events"))} events entered the log, from ${Math.min(...events)} to ${Math.max(...events)} a second`
      + (realOnly ? ", simulated ones left out; " : `, ${number.format(sum("simulated"))} of them simulated; `)
      + `${number.format(sum("yours"))} were of your own session; chance filled ${number.format(sum("explored"))} slots; ${number.format(sum("outside"))} were duplicate, late or refused. `
      + `The fold was at most ${number.format(lag)} ms behind.`
      + (delays.length ? ` Of the last ${number.format(delays.length)} events, 95 % were on this screen within ${number.format(percentile(0.95))} ms, by this computer's clock.` : "");
    if (delays.length) Object.assign(tail.dataset, { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) });
  };

  // -- The part that is made anew every two seconds: its tables stay where they were scrolled to ----------------------------
  let scrolled = [];
  const moving = document.getElementById("moving");
  moving.addEventListener("htmx:beforeSwap", () => {
    scrolled = [...moving.querySelectorAll(".scroll")].map(({ id, scrollLeft }) => ({ id, scrollLeft }));
  });
  moving.addEventListener("htmx:afterSwap", () => scrolled.forEach(({ id, scrollLeft }) => {
    const region = document.getElementById(id);
    if (region) region.scrollLeft = scrollLeft;
  }));

  // -- The connection -------------------------------------------------------------------------------------------------
  const tell = (text) => { if (state.textContent !== text) state.textContent = text; };
  const GONE = "The connection is gone. It comes back by itself, and goes on where it broke off.";
  let heard, again;
  const close = () => {
    clearTimeout(again);
    source?.close();
  };
  const open = () => {
    close();
    heard = Date.now();
    source = new EventSource(`${stream}?after=${last}`);
    const on = (name, then) => source.addEventListener(name, (event) => {
      heard = Date.now();
      then(event);
    });
    on("message", take);
    on("error", () => {
      if (source.readyState === EventSource.CLOSED) {
        tell(`The server takes no more who watch, or you are signed out. Asking again in ${AGAIN_MS / 1_000} s; nothing will be missing.`);
        again = setTimeout(open, AGAIN_MS);
      } else tell(GONE);
    });
    on("figures", ({ data }) => {
      const figures = JSON.parse(data);
      tell("Following the log.");
      second(Date.now()).lag = figures.lag_ms;
    });
    on("away", () => tell("Redis can't be reached. The tail goes on where it stopped when it is back."));
    on("skipped", ({ data }) => {
      const skipped = JSON.parse(data);
      const why = skipped.damaged ? "The archive can't be read" : "Away for more than ten minutes";
      tell(`${why}: the tail leaves out what came between ${skipped.after} and ${skipped.until}.`);
    });
  };
  // The server says something each second. A connection that went without a goodbye, as while the computer slept, says
  // nothing, and the browser waits for it without end.
  setInterval(() => {
    if (source.readyState === EventSource.CLOSED || Date.now() - heard < SILENT_MS) return;
    tell(GONE);
    open();
  }, 1_000);
  // A page that nobody sees keeps no connection: browsers have six for a site, and its other pages would wait for one.
  const follow = () => {
    if (document.hidden) { close(); return; }
    watchedFrom = Date.now();
    open();
  };
  document.querySelectorAll("[data-series]").forEach(draw);
  new ResizeObserver(() => charts.forEach(({ chart, element }) => chart.setSize({ width: element.clientWidth, height: 140 })))
    .observe(probe);
  const recolor = () => charts.forEach(({ chart }) => chart.redraw(false));
  new MutationObserver(recolor).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
  setInterval(redraw, 1_000);
  setInterval(say, SAID_EVERY_MS);
  follow();
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => { if (persisted) follow(); });
})();
