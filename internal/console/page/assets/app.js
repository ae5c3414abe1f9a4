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

  // What went wrong is where a reader's attention goes first.
  document.querySelector(".problem")?.focus();
})();
