/* A part of the page that htmx could not fetch says so, and is fetched as soon as the site can be reached again.

   A part names by data-unreached the template of what stands there meanwhile, and is let be once anything else does. */
(() => {
  "use strict";
  const missed = new Map(); // part → the address that was wanted there, and what stands for it

  const say = ({ detail: { target, pathInfo } }) => {
    const template = document.getElementById(target?.dataset.unreached);
    if (!template) return;
    target.replaceChildren(template.content.cloneNode(true));
    missed.set(target, { path: pathInfo.requestPath, said: target.firstElementChild });
  };
  document.addEventListener("htmx:sendError", say);
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status >= 500) say(event); });

  const tryAgain = () => {
    missed.forEach(({ path, said }, target) => {
      if (said.isConnected) globalThis.htmx.ajax("GET", path, { target, swap: "innerHTML show:none" });
    });
    missed.clear();
  };
  addEventListener("online", tryAgain);
  document.addEventListener("freshet:connection", ({ detail }) => { if (detail.state === "open") tryAgain(); });
})();
