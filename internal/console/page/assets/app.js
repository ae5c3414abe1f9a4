// What pages can do beyond HTML. Each works without it, if less comfortably.
"use strict";
(() => {
  // On a wide screen the menu is open; a browser that cannot be told so by CSS is told here.
  const wide = matchMedia("(min-width: 768px)");
  const menu = document.querySelector(".menu");
  const fit = () => { if (menu) menu.open = wide.matches; };
  fit();
  wide.addEventListener("change", fit);

  // Days and hours that the server counts are the reader's own from the next page on.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const keep = "__Host-rolegate-zone=" + zone;
  if (zone && !document.cookie.split("; ").includes(keep)) document.cookie = keep + "; path=/; secure; samesite=lax; max-age=31536000";

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

  // A form is sent once, however often its button is pressed: until the page is left, or
  // it is not, because somebody pressed Escape, the answer is a file, or they came back.
  const free = () => { for (const f of document.forms) delete f.dataset.sent; };
  addEventListener("pageshow", free);
  window.navigation?.addEventListener("navigateerror", free);
  document.addEventListener("submit", (e) => {
    const form = e.target;
    if (form.dataset.sent) { e.preventDefault(); return; }
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) { e.preventDefault(); return; }
    if (form.hasAttribute("hx-post") || form.hasAttribute("hx-get")) return;
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 15_000); // in browsers that do not tell
  });

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
    addEventListener("beforeunload", (event) => { if (!e.querySelector("form[data-sent]")) event.preventDefault(); });
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

  // The lines of a long text are numbered beside it, and a link can lead to one.
  for (const area of document.querySelectorAll("textarea[data-numbered]")) {
    const box = document.createElement("div");
    const numbers = document.createElement("pre");
    box.className = "numbered";
    numbers.setAttribute("aria-hidden", "true");
    area.before(box);
    box.append(numbers, area);
    let shown = 0;
    const count = () => {
      const lines = area.value.split("\n").length;
      if (lines !== shown) numbers.textContent = Array.from({ length: lines }, (_, i) => i + 1).join("\n") + "\n\n";
      shown = lines;
      numbers.scrollTop = area.scrollTop;
    };
    count();
    area.addEventListener("input", count);
    area.addEventListener("scroll", () => { numbers.scrollTop = area.scrollTop; });
  }
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-line]");
    const area = link && document.getElementById(link.dataset.of);
    if (!area) return;
    e.preventDefault();
    const lines = area.value.split("\n");
    const n = Math.min(Number(link.dataset.line), lines.length);
    const from = lines.slice(0, n - 1).reduce((sum, l) => sum + l.length + 1, 0);
    area.focus();
    area.setSelectionRange(from, from + lines[n - 1].length);
    area.scrollTop = Math.max(0, (n - 3) * area.scrollHeight / lines.length);
  });

  // What went wrong is where a reader's attention goes first.
  document.querySelector(".problem[tabindex]")?.focus();
})();
