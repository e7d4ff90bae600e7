// Before and after at a glance, with what the classifiers saw.

import { call, make, text } from "./page.js";

const seen = ({ label, confidence }) => `${label} ${Math.round(100 * confidence)}\u00a0%`;

/** Elements for the last photos that were protected. */
export async function pairs(limit) {
  const recent = await call("recent");
  if (recent.length === 0) return [make("p", { className: "small", text: text("recentNone") })];
  return recent.slice(0, limit).map(pair);
}

function pair({ name, site, before, after, views, is_protected: isProtected, protected_psnr_db: psnr, input_bits: bits }) {
  const lines = views.map((view) => make("p", { text: `${seen(view.original)} → ${seen(view.protected)}` }));
  if (isProtected === false) lines.push(make("p", { className: "bad", text: text("recentWeak") }));
  if (psnr) lines.push(make("p", { className: "small", text: text("recentPsnr", psnr.toFixed(1)) }));
  if (bits > 8) lines.push(make("p", { className: "small", text: text("recentBits", bits) }));
  return make("div", { className: "pair" }, [
    figure(before, "recentBefore"), figure(after, "recentAfter"),
    make("div", {}, [make("p", { text: name }), make("p", { className: "small", text: site }), ...lines]),
  ]);
}

function figure(address, key) {
  return make("figure", {}, [make("img", { src: address, alt: text(key) }), make("figcaption", { text: text(key) })]);
}
