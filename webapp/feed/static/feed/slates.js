/* Lists that change in place. What changed moves, once; nothing moves under the pointer or the focus: a card there
   stays where it is until it is left, and the list takes its order then.

   Listens to the tracker: `freshet:slate` (a list made anew, as HTML), `freshet:dismissal`, `freshet:dismissal_undone`. */
(() => {
  "use strict";
  const RELEASE_MS = 80;
  const PLACE = ["slate", "slateToken", "session", "token"]; // by which the tracker knows where something stood
  const waiting = new Map(); // list → the order it takes when what is held has been left

  // Where the pointer is, rather than :hover, which lags behind a list that has just been rearranged.
  let pointer;
  const follow = (event) => { pointer = event.pointerType === "mouse" ? { x: event.clientX, y: event.clientY } : undefined; };
  document.addEventListener("pointermove", follow, { passive: true });
  document.addEventListener("pointerdown", follow, { passive: true });
  document.documentElement.addEventListener("pointerleave", () => { pointer = undefined; });

  const pointedAt = (slot) => {
    if (!pointer) return false;
    const { left, right, top, bottom } = slot.getBoundingClientRect();
    return pointer.x >= left && pointer.x < right && pointer.y >= top && pointer.y < bottom;
  };
  const held = (slot) => pointedAt(slot) || slot.querySelector(":focus-visible") !== null;
  const slotsOf = (list) => [...list.querySelectorAll(":scope > .slot")];

  // -- Order ------------------------------------------------------------------------------------------------------------

  // Held slots keep their index; the others fill the places between in the wanted order.
  const around = (kept, current, wanted) => {
    const free = wanted.filter((slot) => !kept.includes(slot));
    const length = Math.max(wanted.length, kept.length);
    const order = [];
    for (let place = 0; order.length < length; place++) {
      const slot = kept.find((one) => current.indexOf(one) === place);
      if (slot) order.push(slot);
      else if (free.length) order.push(free.shift());
      else break;
    }
    return [...order, ...kept.filter((slot) => !order.includes(slot))];
  };

  const arrange = (list, wanted) => {
    const current = slotsOf(list), kept = current.filter(held);
    const order = around(kept, current, wanted);
    if (!same(order, current)) place(list, order, current, kept);
    if (same(order, wanted)) waiting.delete(list);
    else waiting.set(list, wanted);
  };

  const same = (one, other) => one.length === other.length && one.every((slot, at) => slot === other[at]);

  const place = (list, order, current, kept) => {
    const before = new Map(current.map((slot) => [slot, slot.getBoundingClientRect()]));
    current.forEach((slot) => { if (!kept.includes(slot)) slot.remove(); });
    let next = list.firstElementChild; // the next held slot, which is never touched
    order.forEach((slot) => {
      if (kept.includes(slot)) next = slot.nextElementSibling;
      else list.insertBefore(slot, next);
    });
    // All are measured before any is moved: each look at a changed page lays it out anew.
    const after = new Map(order.map((slot) => [slot, slot.getBoundingClientRect()]));
    after.forEach((to, slot) => (before.has(slot) ? travel(slot, before.get(slot), to) : arrive(slot)));
  };

  const travel = (slot, from, to) => freshetTravel(slot, from.left - to.left, from.top - to.top);

  const arrive = (slot) => {
    slot.classList.add("arriving");
    slot.addEventListener("animationend", (event) => {
      if (event.animationName === "edge") slot.classList.remove("arriving");
    });
  };

  let releasing;
  const release = () => {
    if (!waiting.size) return;
    releasing ??= setTimeout(() => {
      releasing = undefined;
      waiting.forEach((wanted, list) => {
        if (list.isConnected) arrange(list, wanted);
        else waiting.delete(list);
      });
    }, RELEASE_MS);
  };
  document.addEventListener("pointermove", release, { passive: true });
  document.documentElement.addEventListener("pointerleave", release);
  document.addEventListener("focusout", release);

  // -- A slate made anew ------------------------------------------------------------------------------------------------

  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  // What is held and not part of the new slate goes on belonging to the one that it was shown with.
  const keepPlace = (element, from) => PLACE.forEach((name) => {
    if (from.dataset[name] && !element.dataset[name]) element.dataset[name] = from.dataset[name];
  });
  const takePlace = (slot, fresh) => {
    PLACE.forEach((name) => delete slot.dataset[name]);
    slot.querySelector(".card").href = fresh.querySelector(".card").href;
    slot.querySelector(".dismiss").value = fresh.querySelector(".dismiss").value;
  };

  const renew = (shelf, next) => {
    const list = shelf.querySelector(".cards"), fresh = next.querySelector(".cards");
    if (!list || !fresh) { shelf.replaceWith(next); globalThis.htmx?.process(next); return; }
    const present = new Map(slotsOf(list).map((slot) => [slot.dataset.item, slot]));
    const wanted = slotsOf(fresh).map((slot) => {
      const old = present.get(slot.dataset.item);
      present.delete(slot.dataset.item);
      if (!old) return slot;
      takePlace(old, slot);
      return old;
    });
    present.forEach((slot) => keepPlace(slot, shelf));
    PLACE.forEach((name) => { shelf.dataset[name] = next.dataset[name]; });
    shelf.querySelector(".why").replaceChildren(...next.querySelector(".why").childNodes);
    arrange(list, wanted);
    globalThis.htmx?.process(list);
  };

  document.addEventListener("freshet:slate", ({ detail }) => {
    const shelf = document.querySelector(`[data-slate][data-live][data-surface="${CSS.escape(detail.surface)}"]`);
    if (shelf) renew(shelf, parse(detail.html));
  });

  // A page that the browser brings back as it was has not heard of what was done since. With a film open beside its
  // lists it stands under the film's address; they are asked for under the one that it came from.
  const origin = location.href;
  const sessionOf = (root) => root.querySelector("script[data-session]")?.dataset.session;
  addEventListener("pageshow", async ({ persisted }) => {
    const shelf = persisted && document.querySelector("[data-slate][data-live]");
    if (!shelf) return;
    const answer = await fetch(origin).catch(() => undefined);
    if (!answer?.ok) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (sessionOf(now) !== sessionOf(document)) { location.reload(); return; }
    const next = now.querySelector("[data-slate][data-live]");
    if (next) renew(shelf, next);
  });

  // -- Not for me -------------------------------------------------------------------------------------------------------

  const removed = new Map(); // item → where its cards were: { list, slot, place, vacancy }

  // The film goes at once. Under the pointer or the focus its place stays, empty, until it is left.
  const vacate = (slot, title) => {
    const vacancy = document.createElement("li"), undo = document.createElement("button");
    vacancy.className = "slot vacancy";
    undo.type = "button";
    undo.textContent = "Undo";
    undo.setAttribute("aria-label", `Undo: ${title}`);
    // It stands for the card, as the notice below does, which goes with the next refusal.
    undo.dataset.track = "dismissal_undone";
    undo.dataset.item = slot.dataset.item;
    keepPlace(undo, slot);
    vacancy.append(undo);
    const focused = slot.contains(document.activeElement);
    slot.replaceWith(vacancy);
    if (focused) undo.focus();
    return vacancy;
  };

  const pages = (item) => document.querySelectorAll(`[data-item="${CSS.escape(item)}"] .film-dismiss`);

  document.addEventListener("freshet:dismissal", ({ target, detail: { item } }) => {
    const places = [];
    document.querySelectorAll(`.cards > [data-item="${CSS.escape(item)}"]`).forEach((slot) => {
      const list = slot.parentElement, place = slotsOf(list).indexOf(slot), shelf = list.closest("[data-slate]");
      keepPlace(slot, shelf);
      const vacancy = slot.contains(target) ? vacate(slot, slot.querySelector(".poster-title").textContent) : undefined;
      places.push({ list, slot, place, vacancy });
      arrange(list, (waiting.get(list) ?? slotsOf(list)).filter((one) => one !== slot && one !== vacancy));
    });
    if (places.length) removed.set(item, places);
    pages(item).forEach((button) => {
      button.dataset.track = "dismissal_undone";
      button.textContent = "Take it back";
    });
  });

  document.addEventListener("freshet:dismissal_undone", ({ detail: { item } }) => {
    // The button that was pressed goes, in the vacancy or in the notice: the focus returns to what was refused.
    const focused = Boolean(document.activeElement?.closest(".vacancy, .toast"));
    (removed.get(item) ?? []).forEach(({ list, slot, place, vacancy }) => {
      if (!list.isConnected || list.querySelector(`:scope > [data-item="${CSS.escape(item)}"]`)) return;
      const order = (waiting.get(list) ?? slotsOf(list)).filter((one) => one !== vacancy);
      order.splice(place, 0, slot);
      if (vacancy?.isConnected) vacancy.replaceWith(slot);
      arrange(list, order);
      if (focused && vacancy) slot.querySelector(".dismiss").focus({ preventScroll: true });
    });
    removed.delete(item);
    pages(item).forEach((button) => {
      button.dataset.track = "dismissal";
      button.textContent = "Not for me";
    });
  });
})();
