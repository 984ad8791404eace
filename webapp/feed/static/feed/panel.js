/* A film beside the slate: htmx fetches it, this decides whether there is room, and what "back" means.

   The document keeps its lists; only the panel follows the address. Nothing is cached, so what comes back is as it is
   now, and the page's scroll position is never touched. */
(() => {
  "use strict";
  const film = document.getElementById("film");
  const room = matchMedia("(min-width: 64rem)");
  const home = { path: location.pathname + location.search, title: document.title };
  let opener; // the link that opened the film: where the focus returns to

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (target !== film) return;
    if (!event.detail.boosted || room.matches) { if (elt !== document.body) opener = elt; return; }
    event.preventDefault();
    location.assign(elt.href);
  });

  // Not found: its own page says why. Not reached: the click is kept by the tracker, and the panel says so (`again.js`).
  document.addEventListener("htmx:responseError", ({ detail: { target, xhr, pathInfo } }) => {
    if (target === film && xhr.status < 500) location.assign(pathInfo.requestPath);
  });

  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target !== film) return;
    film.parentElement.scrollTop = 0;
    // A click by keyboard has no clicks counted.
    if (detail.requestConfig?.triggeringEvent?.detail === 0) document.getElementById("film-title")?.focus();
  });

  const clear = () => {
    film.replaceChildren(document.getElementById("invitation").content.cloneNode(true));
    document.title = home.title;
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    else if (document.activeElement === document.body) { // the list has let go of what was opened, and the panel of the focus
      document.querySelector(".shelf[data-live] .card")?.focus({ preventScroll: true });
    }
  };

  document.addEventListener("htmx:historyCacheMiss", (event) => {
    event.preventDefault();
    const { path } = event.detail;
    if (!film) location.reload();
    else if (path === home.path) clear();
    else if (path.startsWith("/item/")) globalThis.htmx.ajax("GET", path, { target: film, swap: "innerHTML show:none" });
    else location.reload();
  });

  document.addEventListener("click", (event) => {
    if (!film || !event.target.closest?.("[data-close]")) return;
    event.preventDefault();
    history.pushState({ htmx: true }, "", home.path);
    clear();
  });
})();
