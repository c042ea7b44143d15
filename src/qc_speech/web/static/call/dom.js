/* Elements, languages and times: what all parts of the call page share. */

export function english() { return document.documentElement.lang === "en"; }

/** One of a pair [Chinese, English] in the language of the page. */
export function pick(pair) { return pair[english() ? 1 : 0]; }

/** A text with {0}, {1} ... filled in. */
export function fill(pair, ...values) {
  return pick(pair).replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)]));
}

/** An element; names of attributes as in HTML, `on...` listeners, false and null left out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

export function byId(id) { return document.getElementById(id); }

/** m:ss, from an hour on h:mm:ss. */
export function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return (hours ? hours + ":" + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ":" + two(s % 60);
}

/** At most two decimals, a true minus. */
export function number(value) {
  return String(Math.round(value * 100) / 100).replace("-", "\u2212");
}

export function signed(value) { return (value > 0 ? "+" : "") + number(value); }

/** The place of the last item whose start is not after `ms`; -1: none. `start` reads an item. */
export function placeAt(items, ms, start) {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start(items[middle]) <= ms) low = middle + 1; else high = middle;
  }
  return low - 1;
}
