/* What moves travels from where it was, all of it alike; where motion is unwelcome, or nobody looks, it is there at once. */
(() => {
  "use strict";
  const TIMING = { duration: 260, easing: "cubic-bezier(0.22, 0.8, 0.24, 1)" };
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  globalThis.freshetTravel = (element, x, y) => {
    if (still.matches || document.hidden || (!x && !y)) return;
    // Not the property `translate`: for that Chromium lays a drawing out anew with each frame.
    element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], TIMING);
  };
})();
