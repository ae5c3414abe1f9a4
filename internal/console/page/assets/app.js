// What pages can do beyond HTML. Each works without it, if less comfortably.
"use strict";
(() => {
  // On a wide screen the menu is open; a browser that cannot be told so by CSS is told here.
  const wide = matchMedia("(min-width: 768px)");
  const menu = document.querySelector(".menu");
  const fit = () => { if (menu) menu.open = wide.matches; };
  fit();
  wide.addEventListener("change", fit);

  // Moments in the reader's own time zone.
  const local = (root) => {
    for (const t of root.querySelectorAll("time[datetime]")) {
      const at = new Date(t.dateTime);
      if (isNaN(at) || t.title) continue;
      t.title = t.textContent;
      t.textContent = at.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    }
  };
  local(document);
  document.addEventListener("htmx:load", (e) => local(e.target));

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (form.dataset.sent) { e.preventDefault(); return; }
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) { e.preventDefault(); return; }
    if (!form.hasAttribute("hx-post") && !form.hasAttribute("hx-get")) form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => { for (const f of document.forms) delete f.dataset.sent; });

  // What a step-up interrupted goes on by itself.
  const going = document.querySelector("form[data-sends-itself]");
  if (going) going.requestSubmit();

  // What only a script can do is hidden without one.
  for (const e of document.querySelectorAll("[data-script], [data-reveal], [data-print]")) e.hidden = false;
  for (const b of document.querySelectorAll("[data-reveal]")) {
    const field = document.getElementById(b.dataset.reveal);
    const words = [b.textContent, b.dataset.hide];
    const turn = (open) => { field.type = open ? "text" : "password"; b.textContent = words[open ? 1 : 0]; };
    b.addEventListener("click", () => turn(field.type === "password"));
    field.form.addEventListener("submit", () => turn(false)); // or browsers remember it as text
  }
  for (const b of document.querySelectorAll("[data-print]")) b.addEventListener("click", () => print());
  for (const b of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    b.hidden = false;
    b.addEventListener("click", async () => {
      await navigator.clipboard.writeText(b.dataset.copy);
      b.parentElement.querySelector("[role=status]").textContent = b.dataset.done;
    });
  }

  // What is shown this once is not left by mistake, only by its own form.
  for (const e of document.querySelectorAll("[data-unsaved]")) {
    const ask = (event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    e.addEventListener("submit", () => removeEventListener("beforeunload", ask));
  }

  // Time that is left, by the service's clock.
  const timers = document.querySelectorAll("[data-now]");
  if (timers.length) {
    const skew = Number(timers[0].dataset.now) - Date.now();
    for (const e of document.querySelectorAll("[data-timed]")) e.hidden = true;
    const tick = () => {
      const now = Date.now() + skew;
      for (const e of timers) {
        if (e.dataset.step) {
          e.textContent = e.dataset.step - Math.floor(now / 1000) % e.dataset.step;
          continue;
        }
        const left = Math.max(0, Math.ceil((e.dataset.until - now) / 1000));
        e.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
        if (left === 0) e.closest(".timer").querySelector("[data-over]").hidden = false;
      }
    };
    tick();
    setInterval(tick, 1000);
  }

  // What went wrong is where a reader's attention goes first.
  document.querySelector(".problem[tabindex]")?.focus();
})();
