/* Light, dark, or as the system says: applied before the first paint, kept in this browser. */
(() => {
  "use strict";
  document.documentElement.dataset.scripts = ""; // what needs scripts is shown only where they run
  const names = { system: "as the system", light: "light", dark: "dark" };
  const stored = () => { try { return localStorage.getItem("freshet-theme") ?? "system"; } catch { return "system"; } };
  const apply = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(stored());

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    let theme = stored();
    const label = () => { button.querySelector(".theme-name").textContent = `Theme: ${names[theme] ?? theme}`; };
    label();
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      // First press always changes what is seen; the third comes back to the system's.
      const order = dark ? ["system", "light", "dark"] : ["system", "dark", "light"];
      theme = order[(order.indexOf(theme) + 1) % order.length];
      apply(theme);
      label();
      try { localStorage.setItem("freshet-theme", theme); } catch { /* not kept, still applied */ }
    });
  });
})();
