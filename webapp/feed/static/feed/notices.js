/* What happened, said once at the lower edge: what was dismissed, with undo, and whether what you do gets through. */
(() => {
  "use strict";
  const TOAST_MS = 8_000, PATIENCE_MS = 2_000;
  const notices = document.querySelector(".notices"), connection = notices.querySelector(".connection");
  let toast, leaving, complaint, since; // the last one: when the break began that is not over yet

  const drop = () => { clearTimeout(leaving); toast?.remove(); toast = undefined; };
  const wanted = () => toast?.matches(":hover, :focus-within");
  const dropSoon = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => (wanted() ? dropSoon() : drop()), TOAST_MS);
  };

  // The toast stands for the card: same item, same slate, so that the tracker takes its button for the card's.
  const offerUndo = ({ target }) => {
    const card = target.closest("[data-item]"), list = target.closest("[data-slate]");
    const title = card.querySelector(".poster-title")?.textContent ?? card.dataset.title ?? "This film";
    drop();
    toast = document.createElement("div");
    toast.className = "toast";
    Object.assign(toast.dataset, list?.dataset, { item: card.dataset.item });
    delete toast.dataset.live;
    const said = document.createElement("span"), undo = document.createElement("button");
    said.textContent = `${title}: not for you.`;
    undo.type = "button";
    undo.textContent = "Undo";
    undo.dataset.track = "dismissal_undone";
    toast.append(said, undo);
    notices.append(toast);
    dropSoon();
  };

  // Before the card is taken out of its list, where it says what it is: hence in the capture phase.
  document.addEventListener("freshet:dismissal", offerUndo, true);
  document.addEventListener("freshet:dismissal_undone", ({ detail: { item } }) => { if (toast?.dataset.item === item) drop(); });

  const sentences = {
    closed: (pending) => pending
      ? `Not connected. ${pending === 1 ? "One thing you did is" : `${pending} things you did are`} kept here and sent later.`
      : "Not connected. What you do is kept here and sent later.",
    stopped: () => "Your visit goes on in another tab. This page starts again when you come back to it.",
  };

  document.addEventListener("freshet:connection", ({ detail }) => {
    clearTimeout(complaint);
    const sentence = sentences[detail.state];
    if (!sentence) { connection.hidden = true; since = undefined; return; }
    since ??= performance.now();
    // A short break is nobody's business, however often it was tried to end it.
    complaint = setTimeout(() => {
      connection.textContent = sentence(detail.pending);
      connection.hidden = false;
    }, Math.max(since + PATIENCE_MS - performance.now(), 0));
  });
})();
