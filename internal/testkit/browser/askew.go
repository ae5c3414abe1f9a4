package browser

// Askew is what does not stand where it belongs: headings that are not above their
// columns, what lies over something else, and what sticks out of its box. Of each kind
// the first few.
func (b *Browser) Askew() []string {
	b.T.Helper()
	return Eval[[]string](b, askew)
}

// askew takes a box as it can be seen: cut off where it scrolls in another. Tables shown
// as cards have headings for screen readers only, as much else is that is a pixel large,
// and what is placed by itself, such as a menu that opens, may lie over the page. What
// turns or slides is looked at where it comes to rest.
const askew = `(() => {
  document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity).forEach((a) => a.finish());
  const style = new Map(), of = (e) => style.get(e) ?? style.set(e, getComputedStyle(e)).get(e);
  const name = (e) => e.localName + (e.id && "#" + e.id) + Array.from(e.classList, (c) => "." + c).join("") + " " + JSON.stringify(e.innerText?.slice(0, 40) ?? "");
  const apart = (e) => e !== document.body && e !== null && (["absolute", "fixed", "sticky"].includes(of(e).position) || apart(e.parentElement));
  const box = (e) => {
    let {left, top, right, bottom} = e.getBoundingClientRect();
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      const r = p.getBoundingClientRect();
      if (of(p).overflowX !== "visible") [left, right] = [Math.max(left, r.left), Math.min(right, r.right)];
      if (of(p).overflowY !== "visible") [top, bottom] = [Math.max(top, r.top), Math.min(bottom, r.bottom)];
    }
    return {e, left, top, right, bottom};
  };
  const few = (found, say) => found.slice(0, 5).map(say);

  const left = (e) => e.getBoundingClientRect().left;
  const cells = (tr) => Array.from(tr?.cells ?? []);
  const headings = Array.from(document.querySelectorAll("table")).flatMap((table) => {
    const heads = cells(table.tHead?.rows[0]), body = cells(table.tBodies[0]?.rows[0]);
    if (!table.tHead?.checkVisibility() || apart(table.tHead) || heads.length !== body.length || [...heads, ...body].some((c) => c.colSpan > 1)) return [];
    return heads.filter((h, i) => Math.abs(left(h) - left(body[i])) > 1);
  });

  const seen = Array.from(document.body.querySelectorAll("button, input, select, textarea, summary, h1, h2, h3, h4, caption, th, td, p, li, dt, dd, label, legend, pre, img, svg"))
    .filter((e) => e.type !== "hidden" && e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !apart(e))
    .map(box).filter((r) => r.right - r.left > 2 && r.bottom - r.top > 2).sort((a, b) => a.top - b.top);
  const over = [];
  seen.forEach((a, i) => {
    for (let j = i + 1; j < seen.length && seen[j].top < a.bottom - 2; j++) {
      const b = seen[j];
      if (b.left < a.right - 2 && a.left < b.right - 2 && !a.e.contains(b.e) && !b.e.contains(a.e)) over.push([a.e, b.e]);
    }
  });

  const out = Array.from(document.body.querySelectorAll("button, summary, h1, h2, h3, h4, th, td, p, li, dt, dd, label, legend, fieldset, article, section, form, nav, header, main"))
    .filter((e) => e.checkVisibility() && of(e).overflowX === "visible" && !of(e).display.startsWith("inline ") && of(e).display !== "inline"
      && e.clientWidth > 2 && e.scrollWidth > e.clientWidth + 1 && !apart(e));
  const deepest = out.filter((e) => !out.some((o) => o !== e && e.contains(o)));

  return [
    ...few(headings, (h) => "a heading is not above its column: " + name(h)),
    ...few(over, ([a, b]) => name(a) + " and " + name(b) + " lie over each other"),
    ...few(deepest, (e) => "something sticks out of " + name(e) + ": " + e.scrollWidth + " px in " + e.clientWidth),
  ];
})()`
