/* What moves travels from where it was, all of it alike; where motion is unwelcome, or nobody looks, it is there at once. */
(() => {
  "use strict";
  const TIMING = { duration: 260, easing: "cubic-bezier(0.22, 0.8, 0.24, 1)" };
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  globalThis.freshetTravel = (element, x, y) => {
    if (still.matches || document.hidden || (!x && !y)) return;
    element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], TIMING);
  };

  // From another outline of the same commands. One path moves at a small part of what as many elements as it has dots cost.
  globalThis.freshetReshape = (path, before) => {
    const now = path.getAttribute("d");
    if (still.matches || document.hidden || before === now) return;
    path.animate([{ d: `path("${before}")` }, { d: `path("${now}")` }], TIMING);
  };
})();
