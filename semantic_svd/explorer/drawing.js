"use strict";
// The explorer's numbers and its pens: what runs say at an epoch, its colours and shapes, and how a panel is saved.

const $ = (selector, from = document) => from.querySelector(selector);
const range = (n) => Array.from({ length: n }, (_, i) => i);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const told = JSON.parse($("#numbers").textContent);
const items = told.items,
  n = items.length;

// ------------------------------------------------------------------------------------------------------------ numbers

const TYPES = { int16: Int16Array, uint16: Uint16Array, float32: Float32Array };

/** Unpack an array: its values by snapshot, in Float64Arrays that are made when asked for. */
function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.base64), (c) => c.charCodeAt(0));
  const counts = new TYPES[packed.type](bytes.buffer);
  const [length, ...shape] = packed.shape,
    size = shape.reduce((a, b) => a * b, 1);
  const at = (f) => Float64Array.from(counts.subarray(f * size, (f + 1) * size), (count) => count * packed.step);
  const least = counts.reduce((least, count) => Math.min(least, count), 0) * packed.step,
    most = counts.reduce((most, count) => Math.max(most, count), 0) * packed.step;
  return { at, length, shape, least, largest: Math.max(-least, most) };
}

/** A seed of a layer, unpacked once. */
function seedOf({ layer, seed }) {
  const packed = layer.seeds[seed];
  packed.open ??= Object.fromEntries(
    ["U", "S", "V", "strength", "path", "links", "heights"].map((name) => [name, unpack(packed[name])]),
  );
  return packed.open;
}

/** The snapshot of a side at the page's epoch: the last one that the run has until then, and its matrix U S V'. */
function snapshot(side) {
  const epochs = side.run.epochs;
  let f = epochs.length - 1;
  while (f > 0 && epochs[f] > state.epoch) f--;
  const cached = side.cached;
  if (cached && cached.f === f && cached.of === side.layer && cached.seed === side.seed) return cached;
  const arrays = seedOf(side),
    shown = { f, of: side.layer, seed: side.seed, epoch: epochs[f] };
  for (const [name, array] of Object.entries(arrays)) shown[name] = array.at(f);
  shown.K = arrays.U.shape[1];
  shown.p = arrays.V.shape[0];
  shown.M = product(shown);
  return (side.cached = shown);
}

function product({ U, S, V, K, p }) {
  const M = new Float64Array(n * p),
    US = new Float64Array(n * K);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < K; k++)
      if (U[i * K + k]) for (let l = 0; l < K; l++) US[i * K + l] += U[i * K + k] * S[k * K + l];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < p; j++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += US[i * K + k] * V[j * K + k];
      M[i * p + j] = sum;
    }
  return M;
}

/** The strength of mode k at snapshot f, by either meaning. */
function strengthsOf(side) {
  const { strength, S } = seedOf(side),
    K = strength.shape[0];
  const at = state.own
    ? range(S.length).map((f) => S.at(f).filter((_, i) => i % (K + 1) === 0))
    : range(strength.length).map(strength.at);
  return { K, at };
}

const minus = (text) => text.replace("-", "−");
const places = (x) => (Math.abs(x) < 10 ? 3 : Math.abs(x) < 1000 ? 1 : 0);
const said = (x) => minus(x && Math.abs(x) < 0.0005 ? x.toExponential(1) : x.toFixed(places(x)));
const plain = (x) => minus(String(+x.toFixed(places(x))));
const short = (x) => minus(String(+x.toPrecision(Math.abs(x) < 100 ? 2 : 3)));
const whole = (x) => x.toLocaleString("en-US");

// -------------------------------------------------------------------------------------------------------------- looks

// ColorBrewer's RdBu turned round, as in the project's figures: blue below zero, red above; safe for the colour-blind.
const ANCHORS = [
  "053061",
  "2166ac",
  "4393c3",
  "92c5de",
  "d1e5f0",
  "f7f7f7",
  "fddbc7",
  "f4a582",
  "d6604d",
  "b2182b",
  "67001f",
].map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

/** The colour of a value between -limit and limit. */
function colour(value, limit) {
  const place = clamp((value / limit + 1) / 2, 0, 1) * (ANCHORS.length - 1),
    low = Math.min(Math.floor(place), ANCHORS.length - 2);
  return ANCHORS[low].map((from, c) => Math.round(from + (ANCHORS[low + 1][c] - from) * (place - low)));
}
const rgb = (parts) => `rgb(${parts.join(",")})`;

const categoryColour = (i) => told.categoryColours[told.category[i] % told.categoryColours.length];
const MARKERS = [
  // circle, square, triangle, diamond: a category is told by shape as well
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (r) => `M${-0.88 * r} ${-0.88 * r}h${1.76 * r}v${1.76 * r}h${-1.76 * r}z`,
  (r) => `M0 ${-1.15 * r}L${1.1 * r} ${0.8 * r}H${-1.1 * r}z`,
  (r) => `M0 ${-1.25 * r}L${1.25 * r} 0L0 ${1.25 * r}L${-1.25 * r} 0z`,
];
const marker = (i, r) => MARKERS[told.category[i] % MARKERS.length](r);

// Time runs linearly through the first epoch and logarithmically from there, as in the project's figures.
const symlog = (e) => (e <= 1 ? 0.5 * e : 0.5 + Math.log10(e));
const unsymlog = (t) => (t <= 0.5 ? 2 * t : 10 ** (t - 0.5));

// ----------------------------------------------------------------------------------------------------- drawing, saving

const SVG = "http://www.w3.org/2000/svg";

/** Append an SVG element with attributes, and text if there is any. */
function draw(parent, tag, attributes = {}, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

const pen = document.createElement("canvas").getContext("2d");
function widthOf(text, size) {
  pen.font = `${size}px ${getComputedStyle(document.documentElement).fontFamily}`;
  return pen.measureText(text).width;
}
function cut(text, room, size) {
  if (widthOf(text, size) <= room) return text;
  let end = text.length;
  while (end > 1 && widthOf(text.slice(0, end) + "…", size) > room) end--;
  return text.slice(0, end).trimEnd() + "…";
}
const em = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Save a panel as an SVG of its own: title, cells as vectors, the rules of its look. */
function save(panel) {
  const { svg, side, kind } = panel,
    shown = snapshot(side),
    size = em(),
    band = Math.ceil(2.4 * size);
  const { width, height } = svg.getBoundingClientRect(),
    copy = svg.cloneNode(true);
  for (const mark of copy.querySelectorAll(".marks")) mark.replaceChildren();
  copy.removeAttribute("tabindex");
  const picture = document.createElementNS(SVG, "svg"),
    seed = side.run.seeds[side.seed].seed;
  for (const [name, value] of Object.entries({
    class: "drawing",
    width,
    height: height + band,
    viewBox: `0 0 ${width} ${height + band}`,
  }))
    picture.setAttribute(name, value);
  const rules = [...document.styleSheets[0].cssRules].filter((rule) => rule.selectorText?.startsWith(".drawing"));
  draw(picture, "style", {}, rules.map((rule) => rule.cssText).join("\n"));
  draw(picture, "rect", { width, height: height + band, fill: "#ffffff" });
  const of = [side.run.name, seed === null ? "" : `seed ${seed}`, seed === null ? "" : `epoch ${whole(shown.epoch)}`];
  draw(picture, "text", { class: "strong", x: 4, y: 1.1 * size, "font-size": size }, `${TITLES[kind](side)}`);
  draw(
    picture,
    "text",
    { class: "quiet", x: 4, y: 2.1 * size, "font-size": 0.8 * size },
    of.filter(Boolean).join(", "),
  );
  const body = draw(picture, "g", { transform: `translate(0 ${band})` });
  if (panel.cells) {
    const { x, y, w, h, rows, columns, value, limit } = panel.cells,
      cells = draw(body, "g", { "shape-rendering": "crispEdges" });
    for (const i of range(rows))
      for (const j of range(columns))
        draw(cells, "rect", {
          x: x + (j * w) / columns,
          y: y + (i * h) / rows,
          width: w / columns,
          height: h / rows,
          fill: rgb(colour(value(i, j), limit)),
        });
  }
  body.append(...copy.childNodes);
  const name = [side.layer.name, kind === "response" ? "" : kind, ...of]
    .filter(Boolean)
    .join(" ")
    .replaceAll(",", "")
    .replace(/[^\p{L}\p{N}]+/gu, "-");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([new XMLSerializer().serializeToString(picture)], { type: "image/svg+xml" }),
  );
  link.download = `${name}.svg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
