/* The lens beside the slate: opened and closed, remembered, and brought up to date with each new list.

   The server draws it. While it shows "now", the tracker asks for it along with the slate (`data-live`), and it comes
   right after; other parts are fetched again. Only the stopwatch is drawn here: its two ends are in the browser. */
(() => {
  "use strict";
  const lens = document.getElementById("lens"), body = document.getElementById("lens-body");
  if (!lens) return;
  const whole = lens.classList.contains("lens-whole");
  const opener = document.querySelector("[data-lens-open]"), closer = lens.querySelector("[data-lens-close]");
  const wide = matchMedia("(min-width: 90rem)");
  const YEAR_S = 31_536_000, KEPT = 200;

  // -- Open and closed --------------------------------------------------------------------------------------------------

  const isOpen = () => lens.dataset.lens === "open" || (lens.dataset.lens === "auto" && wide.matches);
  const remember = (state) => { document.cookie = `freshet_lens=${state}; path=/; max-age=${YEAR_S}; SameSite=Lax`; };

  const fetched = (url) => globalThis.htmx.ajax("GET", url, { target: body, swap: "innerHTML show:none" });

  const show = () => {
    if (opener) opener.setAttribute("aria-expanded", String(isOpen()));
    if (isOpen() && !body.childElementCount) fetched(lens.dataset.lensSrc);
  };

  const open = () => {
    lens.dataset.lens = "open";
    lens.classList.add("opening");
    remember("open");
    show();
  };

  // What is closed is not asked for: its content goes.
  const close = () => {
    lens.dataset.lens = "closed";
    lens.classList.remove("opening");
    remember("closed");
    body.replaceChildren();
    show();
    opener?.focus({ preventScroll: true });
  };

  if (!whole) {
    if (opener) opener.setAttribute("aria-controls", "lens");
    opener?.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (isOpen()) { close(); return; }
      open();
      // The lens comes after everything else on the page: who opened it by the keyboard need not walk there.
      if (!event.detail) closer.focus({ preventScroll: true });
    });
    closer.addEventListener("click", close);
    lens.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    wide.addEventListener("change", show);
    addEventListener("DOMContentLoaded", show);
  }

  // The tab that was pressed is replaced by what it brings: the focus goes on where it was.
  let tabbed;
  body.addEventListener("click", ({ target }) => { tabbed = target.closest(".lens-tabs a")?.getAttribute("href"); });
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    if (!tabbed || detail.pathInfo?.requestPath !== tabbed) return;
    tabbed = undefined;
    body.querySelector('.lens-tabs [aria-current="page"]')?.focus({ preventScroll: true });
  });

  // -- What comes with a slate ------------------------------------------------------------------------------------------

  const places = (root) => new Map(Array.from(root.querySelectorAll(".beliefs li[data-taste]"), (row) =>
    [row.dataset.taste, row.querySelector(".you").getAttribute("d")]));

  // Each dot travels from where it was; those of a row that is new to the panel start where everybody's middle is.
  const travel = (root, before) => root.querySelectorAll(".beliefs li[data-taste]").forEach((row) => {
    const dots = row.querySelector(".you"), now = dots.getAttribute("d");
    freshetReshape(dots, before.get(row.dataset.taste) ?? now.replace(/M[^h]+/g, "M100 24"));
  });

  // The same for what htmx brings.
  let drawn = new Map();
  document.addEventListener("htmx:beforeSwap", ({ detail }) => { drawn = places(detail.target); });
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    const root = target.isConnected ? target : document.getElementById(target.id);
    if (drawn.size && root) travel(root, drawn);
    drawn = new Map();
  });

  const renew = (html) => {
    const moving = body.querySelector("[data-lens-moving]");
    if (!moving) return;
    const open = Array.from(moving.querySelectorAll("details[open]"), ({ dataset }) => dataset.key);
    const focused = moving.contains(document.activeElement) && document.activeElement.closest("[data-key]")?.dataset.key;
    const before = places(moving);
    moving.innerHTML = html;
    globalThis.htmx.process(moving);
    open.forEach((key) => { const one = moving.querySelector(`[data-key="${CSS.escape(key)}"]`); if (one) one.open = true; });
    if (focused) moving.querySelector(`[data-key="${CSS.escape(focused)}"] summary`)?.focus({ preventScroll: true });
    travel(moving, before);
  };

  // -- Stopwatch --------------------------------------------------------------------------------------------------------

  const session = document.querySelector("script[data-session]")?.dataset.session;
  const key = `freshet-clock-${session}`;
  const STAGES = {
    way: "there and back", check: "checked", log: "on disk", learn: "learned", slate: "new list", html: "as HTML",
    lens: "this lens", paint: "on screen",
  };
  let pressed; // when what was pressed last was pressed

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-track]")) pressed = event.timeStamp;
  }, true);

  const runs = () => { try { return JSON.parse(sessionStorage.getItem(key)) ?? []; } catch { return []; } };
  const keep = (run) => {
    const all = [...runs(), run].slice(-KEPT);
    try { sessionStorage.setItem(key, JSON.stringify(all)); } catch { /* not kept */ }
    return all;
  };
  const total = (run) => Object.values(run).reduce((sum, ms) => sum + ms, 0);
  const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  const ms = (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));

  const svg = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([attribute, value]) => element.setAttribute(attribute, value));
    return element;
  };
  const text = (name, content, className) => {
    const element = document.createElement(name);
    element.textContent = content;
    if (className) element.className = className;
    return element;
  };

  const drawClock = (all) => {
    const clock = body.querySelector("[data-stopwatch]"), run = all.at(-1);
    if (!clock || !run) return;
    const sum = total(run), stages = Object.entries(run);
    const said = text("p", "", "clock-total");
    said.append(text("strong", `${ms(sum)} ms`), ` from your click to ${"slate" in run ? "the new list" : "this lens"}.`);
    const line = svg("svg", { class: "clock-line", viewBox: "0 0 1000 20", preserveAspectRatio: "none", role: "img",
      "aria-label": stages.map(([stage, took]) => `${STAGES[stage]} ${ms(took)} ms`).join(", ") });
    let at = 0;
    stages.forEach(([stage, took]) => {
      const width = (took / sum) * 1000;
      line.append(svg("rect", { x: at.toFixed(1), width: Math.max(width - 3, 1).toFixed(1), height: 20, ...(stage === "way" && { class: "away" }) }));
      at += width;
    });
    const list = document.createElement("dl");
    list.className = "clock-stages";
    stages.forEach(([stage, took]) => {
      const pair = document.createElement("div");
      pair.append(text("dt", STAGES[stage]), text("dd", `${ms(took)} ms`));
      list.append(pair);
    });
    const sums = all.map(total).sort((one, other) => one - other);
    const often = all.length === 1 ? "Measured once in this visit so far."
      : `In this visit: half within ${ms(quantile(sums, 0.5))} ms, 99 % within ${ms(quantile(sums, 0.99))} ms, of ${all.length}.`;
    clock.replaceChildren(said, line, list, text("p", often, "lens-note"));
  };

  document.addEventListener("freshet:slate", (event) => {
    const { laps, lens: html } = event.detail, received = performance.now(), began = pressed;
    pressed = undefined;
    if (html) renew(html);
    else if (isOpen() && !whole) body.querySelector("[data-follows]")?.dispatchEvent(new CustomEvent("lens:follow"));
    if (began === undefined || !laps?.log) return;
    const served = total(laps);
    // After the next frame has been painted.
    requestAnimationFrame(() => setTimeout(() => drawClock(keep({
      way: Math.max(received - began - served, 0), ...laps, paint: performance.now() - received,
    }))));
  });

  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target === body) drawClock(runs());
  });
  if (body.childElementCount) drawClock(runs());

  // -- Forget -----------------------------------------------------------------------------------------------------------

  // What else is kept in this browser is the tracker's.
  document.addEventListener("submit", ({ target }) => {
    if (!target.matches?.("[data-forget]")) return;
    try { sessionStorage.removeItem(key); } catch { /* was not kept */ }
  });

  // -- A film and its reason point at each other ------------------------------------------------------------------------

  const point = (item, on) => {
    const at = CSS.escape(item);
    document.querySelectorAll(`.whys > li[data-why="${at}"], [data-surface="for_you"] .slot[data-item="${at}"]`)
      .forEach((one) => one.classList.toggle("pointed", on));
  };
  const pointing = (on) => ({ target }) => {
    const reason = target.closest?.(".whys > li[data-why]"), card = target.closest?.('[data-surface="for_you"] .slot[data-item]');
    if (!isOpen() && !whole) return;
    if (reason) point(reason.dataset.why, on);
    else if (card) document.querySelectorAll(`.whys > li[data-why="${CSS.escape(card.dataset.item)}"]`).forEach((one) => one.classList.toggle("pointed", on));
  };
  ["pointerover", "focusin"].forEach((kind) => document.addEventListener(kind, pointing(true)));
  ["pointerout", "focusout"].forEach((kind) => document.addEventListener(kind, pointing(false)));
})();
