/* Freshet's tracker: what a visitor sees and does, told to the outbox (`outbox.js`).

   The page says what is what by attributes:
     <script data-session data-token data-consent data-socket data-collect>   the visit (template tag `tracker`)
     [data-slate data-slate-token data-surface]     a list (`slate_markup`)
     [data-live data-surface]                       what wants to be made anew when something changed
       [data-item]                                  a card in it
         [data-track="click|dismissal|dismissal_undone"]   what is pressed; the last two are not submitted as forms,
                                                           and a click takes the list out of the link (its query)
     [data-track][data-item]                        a button that stands for a card: pressed, but never seen
     [data-dwell data-item]                         an item's page or panel, read for as long as it is there
     button[name="consent"]                         a choice of what may be remembered
     form[data-forget]                              has the session forgotten
   A slate from a later session than the page's says so by data-session and data-token of its own. What is pressed
   dispatches `freshet:dismissal` or `freshet:dismissal_undone`, bubbling. */
(() => {
  "use strict";
  const page = document.currentScript.dataset;
  const SEEN_MS = 500, SHORTEST_DWELL_MS = 1_000;
  const live = () => Array.from(document.querySelectorAll("[data-live][data-surface]"), (part) => part.dataset.surface);
  const { record, connect, flush, leave, stop, erase, askAgain, announce } = freshetOutbox(page, live, () => {
    startAgainWhenSeen();
    startAgain();
  });

  // What htmx fetches belongs to the page's session, also where that cookie has ended since.
  document.addEventListener("htmx:configRequest", ({ detail }) => { detail.headers["Freshet-Page"] = page.token; });

  const placeOf = (element) => {
    const item = element.closest("[data-item]").dataset.item;
    const list = element.closest("[data-slate]")?.dataset;
    const visit = list?.session ? list : page;
    return { session: visit.session, token: visit.token, slate: list?.slate ?? "", slateToken: list?.slateToken, item };
  };

  const seen = new Set(); // slate/item: an impression counts once
  const timers = new Map(); // card → timer: on screen, not long enough yet
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

  const watch = (again) => document.querySelectorAll("[data-slate] [data-item]:not([data-track])").forEach((card) => {
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
    if (type === "click") { clicked = place; pressed.search = ""; return; } // with its query the server would count it, too
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
  addEventListener("pagehide", () => { read(true); leave(); others.close(); });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) { shown(); return; }
    if (chosen() !== page.consent) { location.reload(); return; }
    listen();
    shown();
  });
  new MutationObserver(changed).observe(document.body,
    { childList: true, subtree: true, attributes: true, attributeFilter: ["data-slate", "data-item"] });

  // Consent changed in another tab, the session was forgotten or is over: this page stops at once, and starts again under
  // what holds then when it is come back to, from another tab or from a window beside it. A page that the browser keeps
  // for "back" hears nothing, for it would be dropped at the first word; it looks at the cookie when it is shown again.
  let others;
  const chosen = () => /(?:^|; )freshet_consent=(\w+)/.exec(document.cookie)?.[1] ?? page.consent;
  const startAgain = () => { if (!document.hidden) location.reload(); };
  const startAgainWhenSeen = () => {
    stop();
    announce("stopped");
    document.addEventListener("visibilitychange", startAgain);
    addEventListener("focus", startAgain);
  };
  const listen = () => {
    others = new BroadcastChannel("freshet");
    others.onmessage = ({ data: { consent, session } }) => {
      if (consent !== page.consent) startAgainWhenSeen();
      else if (session !== page.session) askAgain(); // a new visit, unless cookies are blocked and each page is one
    };
  };

  // Other tabs stop before the server hears of it, and where nothing may be kept this one does, too: what it would tell on
  // its way out, as how long a film was read, would come after the visitor has said no.
  document.addEventListener("submit", ({ target, submitter }) => {
    const forget = target.matches("[data-forget]");
    if (!forget && (submitter?.name !== "consent" || submitter.value === page.consent)) return;
    others.postMessage({ consent: forget ? "forgotten" : submitter.value });
    if (forget || submitter.value === "off") stop();
    if (forget) erase();
  });

  listen();
  others.postMessage({ consent: page.consent, session: page.session });
  changed();
  connect();
})();
