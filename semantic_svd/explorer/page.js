// The explorer itself: the sides, how they are laid out, the epoch, and the hands on them.

// ---------------------------------------------------------------------------------------------------------------- sides

const KINDS = { response: heat, V: heat, U: heat, S: heat, strengths, tree, paths };
const theData = told.runs.find((run) => run.kept === 1 && run.seeds[0].seed === null);
const dataAt = (i, j) => snapshot(dataSide).M[i * theData.layers[0].columns.length + j];
const dataSide = theData && { run: theData, layer: theData.layers[0], seed: 0 };
const state = { sides: [], epoch: 0, timeline: [0], own: false, hover: null, playing: 0, layout: "" };

/** Which item, mode or column is marked, seen from a side: units of another side are other units. */
function marked(what, side) {
  const { hover } = state;
  if (!hover) return undefined;
  const same = side === hover.side || (side.layer.ofOutput && hover.side.layer.ofOutput);
  return what === "column" && !same ? undefined : hover[what];
}

function newSide(run, seed, layer) {
  const element = $("#side").content.cloneNode(true).firstElementChild,
    side = { run, seed, layer: run.layers[layer], element, panels: {} };
  const modes = Object.assign(document.createElement("div"), { className: "modes" }),
    rest = Object.assign(document.createElement("div"), { className: "rest" });
  const into = { response: element, modes, V: element, U: modes, S: modes, tree: rest, paths: rest, strengths: rest };
  for (const kind of ["response", "U", "S", "V", "tree", "paths", "strengths"]) {
    if (kind === "U") element.append(modes);
    into[kind].append(newPanel(kind, side));
  }
  element.append(rest);
  for (const select of element.querySelectorAll("select"))
    select.addEventListener("change", () => choose(side, select.dataset.choose, select.selectedIndex));
  fillChoices(side);
  return side;
}

function choose(side, what, index) {
  if (what === "run") {
    const { seed } = side.run.seeds[side.seed],
      name = side.layer.name;
    side.run = told.runs[index];
    side.seed = Math.max(
      0,
      side.run.seeds.findIndex((other) => other.seed === seed),
    );
    side.layer = side.run.layers.find((layer) => layer.name === name) ?? side.run.layers[0];
  }
  if (what === "seed") side.seed = index;
  if (what === "layer") side.layer = side.run.layers[index];
  fillChoices(side);
  arrange();
}

function fillChoices(side) {
  const fill = (what, texts, chosen) => {
    const select = $(`[data-choose="${what}"]`, side.element);
    select.replaceChildren(...texts.map((text) => new Option(text)));
    select.selectedIndex = chosen;
    select.disabled = texts.length < 2;
    select.parentElement.hidden = texts[0] === "null";
  };
  fill(
    "run",
    told.runs.map((run) => run.name),
    told.runs.indexOf(side.run),
  );
  fill(
    "seed",
    side.run.seeds.map(({ seed }) => String(seed)),
    side.seed,
  );
  fill(
    "layer",
    side.run.layers.map((layer) => layer.name),
    side.run.layers.indexOf(side.layer),
  );
}

function newPanel(kind, side) {
  const figure = $("#panel").content.cloneNode(true).firstElementChild,
    svg = $("svg", figure),
    canvas = $("canvas", figure);
  const panel = (side.panels[kind] = { kind, side, figure, svg, canvas, looks: KINDS[kind] });
  figure.classList.add(kind);
  if (panel.looks !== heat) canvas.remove();
  else svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "img");
  $(".save", figure).addEventListener("click", () => save(panel));
  if (kind === "strengths") $(".note", figure).append(meaning());
  svg.addEventListener("pointermove", (event) => point(panel, event));
  svg.addEventListener("pointerleave", () => hover(null));
  svg.addEventListener("pointerdown", (event) => {
    if (!panel.looks.press) return point(panel, event);
    svg.setPointerCapture(event.pointerId);
    panel.pressed = true;
    point(panel, event);
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (panel.pressed = false));
  svg.addEventListener("keydown", (event) => readCells(panel, event));
  svg.addEventListener("blur", () => hover(null));
  return figure;
}

/** The button that tells which of the two meanings of strength is drawn, and changes it. */
function meaning() {
  const button = Object.assign(document.createElement("button"), { className: "meaning" });
  button.addEventListener("click", () => {
    state.own = !state.own;
    arrange();
  });
  return button;
}

function sayMeaning(button, { layer }) {
  button.textContent = `${state.own ? "own" : "projected"} ⇄`;
  button.title = state.own
    ? `the diagonal of S: the singular values of what is shown, shared out where modes of ${told.called} are equal; press for projections`
    : `${layer.ofOutput ? "u′Yv" : "u′√(YY′)u"} along each mode of ${told.called}; press for the diagonal of S`;
}

function point(panel, event) {
  const box = panel.svg.getBoundingClientRect(),
    x = event.clientX - box.left,
    y = event.clientY - box.top;
  if (panel.pressed) panel.looks.press(panel, x);
  hover(panel.looks.at(panel, x, y), event.clientX, event.clientY);
}

function hover(place, x, y) {
  if (!place && !state.hover) return;
  state.hover = place;
  const tip = $("#tip");
  tip.hidden = !place;
  if (place) {
    tip.textContent = place.text;
    const { width, height } = tip.getBoundingClientRect();
    const left = x + 14 + width > innerWidth ? x - 14 - width : x + 14,
      top = y + 18 + height > innerHeight ? y - 12 - height : y + 18;
    tip.style.transform = `translate(${clamp(left, 4, innerWidth - width - 4)}px, ${Math.max(4, top)}px)`;
  }
  for (const side of state.sides) for (const panel of Object.values(side.panels)) panel.looks.mark(panel);
}

/** Shift and an arrow read the cells of a heat map one by one. */
function readCells(panel, event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step || !event.shiftKey || !panel.cells) return;
  event.preventDefault();
  event.stopPropagation();
  const { rows, columns, x, y, w, h } = panel.cells,
    from = state.hover?.panel === panel ? state.hover : { row: 0, cell: -step[1] };
  const i = clamp(from.row + step[0], 0, rows - 1),
    j = clamp(from.cell + step[1], 0, columns - 1),
    box = panel.svg.getBoundingClientRect();
  const place = { ...heat.cell(panel, i, j), panel };
  hover(place, box.left + x + ((j + 0.5) * w) / columns, box.top + y + ((i + 0.5) * h) / rows);
  $("#said").textContent = place.text.replace("\n", ": ");
}

// ---------------------------------------------------------------------------------------------------- laying everything out

/** Choose a layout, give every panel its size, and draw what does not change with the epoch. */
function arrange() {
  const root = document.documentElement,
    smallest = 12;
  root.style.fontSize = "";
  lay();
  const size = em(),
    over = root.scrollHeight / innerHeight;
  if (state.layout !== "narrow" && over > 1 && size > smallest) {
    // many items: smaller letters before scrolling
    root.style.fontSize = `${Math.max(smallest, Math.floor((10 * size) / over) / 10)}px`;
    lay();
  }
  goTo(nearest(state.timeline, (e) => e, state.wanted));
}

function lay() {
  const wide = innerWidth >= (state.sides.length > 1 ? 1000 : 800) && innerHeight >= 520;
  state.layout = document.body.dataset.layout = !wide ? "narrow" : state.sides.length > 1 ? "half" : "single";
  state.timeline = [...new Set(state.sides.flatMap((side) => side.run.epochs))].sort((a, b) => a - b);
  $("#sides").replaceChildren(...state.sides.map((side) => side.element));
  $("#notes").replaceChildren(...notes());
  for (const side of state.sides) $(".status", side.element).replaceChildren(...status(side));
  for (const side of state.sides) measure(side);
  for (const side of state.sides)
    for (const panel of Object.values(side.panels)) {
      const { width, height } = panel.svg.getBoundingClientRect();
      panel.size = { width, height };
      panel.svg.replaceChildren();
      panel.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      panel.figure.style.setProperty("--shape", `${width} / ${height}`);
      $("h2", panel.figure).textContent = TITLES[panel.kind](side);
      if (panel.kind !== "strengths") $(".note", panel.figure).textContent = NOTES[panel.kind](side);
      else sayMeaning($(".meaning", panel.figure), side);
      $(".save", panel.figure).setAttribute("aria-label", `Save ${panel.kind} as SVG`);
      panel.looks.draw(panel);
    }
  const sheet = $("#sides");
  sheet.style.setProperty("--sheet", sheet.clientWidth / sheet.scrollHeight);
  document.body.classList.toggle("upright", !wide || innerWidth < innerHeight);
  const slider = $("#slider");
  slider.max = state.timeline.length - 1;
  $("#beside").setAttribute("aria-pressed", state.sides.length > 1);
}

/** Share the room of a side among its rows of panels. */
function measure(side) {
  const size = em(),
    { K, p } = snapshot(side),
    named = side.layer.column === "property",
    caption = 1.5 * size,
    { layout } = state;
  const names = Math.min(9 * size, 1.6 * size + Math.max(...items.map((item) => widthOf(item, 0.92 * size)))),
    over = 1.05 * size;
  const width = $("#sides").clientWidth,
    each = layout === "narrow" ? width : width / state.sides.length, // in a narrow window they are stacked
    legible = each > 4 * p; // names of properties, each under its column
  const longest = named ? Math.max(...side.layer.columns.map((name) => widthOf(name, 0.88 * size))) : 0;
  const under = named && legible ? Math.min((layout === "half" ? 7.6 : 10.5) * size, longest + 8) : 1.4 * size;
  const fixed = { top: caption + over + under, middle: caption + over + 1.2 * size },
    rest = Math.max(12, n + 3.5) * size,
    most = Math.max(n, K);
  const heads = Math.max(...state.sides.map(({ element }) => $(".choice", element).offsetHeight));
  const main = {
    width,
    height: innerHeight - $("#transport").offsetHeight - heads - 2.2 * size,
  };
  const fits = (main.height - fixed.top - fixed.middle - rest) / (n + most),
    share = { half: 0.52, single: 0.36, narrow: 0.9 }[layout];
  const pitch = layout === "narrow" ? 1.25 * size : clamp(fits, 0.72 * size, 2 * size);
  const cell = Math.min(pitch, (share * each - names - 4 * size) / (2 * K));
  const U = names + K * cell + 4,
    S = 1.6 * size + K * cell + 4;
  const left = Math.max(U + S + size, layout === "single" ? 0.29 * main.width : 0);
  side.sizes = { names, over, pitch, cell, legible };
  const lengths = {
    top: fixed.top + n * pitch,
    middle: fixed.middle + most * pitch,
    rest,
    left,
    U,
    S,
    tree: caption + 2 * size + 1.35 * size * n,
  };
  for (const [name, length] of Object.entries(lengths)) side.element.style.setProperty(`--${name}`, `${length}px`);
  const right = each - left - 3 * size,
    spare = (layout === "narrow" ? main.width : left) - U - S;
  for (const [name, width] of Object.entries({ left, right, U, S, spare }))
    side.element.style.setProperty(`--${name}-part`, `${Math.max(0, width)}fr`); // of the paper
}

/** Write a number in one digit, never less than it is. */
function upwards(x) {
  const power = Math.floor(Math.log10(x || 1e-9));
  return (Math.ceil(x / 10 ** power) * 10 ** power).toPrecision(1);
}

/** Say what the page holds: which epochs, how exact, which keys. */
function notes() {
  const { run } = state.sides.find((side) => side.run.kept > 1) ?? state.sides[0],
    shown = run.epochs.length,
    error = Math.max(...state.sides.map((side) => side.layer.error));
  const all = run.epochs.findIndex((e, f) => f > 0 && e - run.epochs[f - 1] > run.epochs[1] - run.epochs[0]);
  const which =
    run.kept === 1
      ? `one snapshot of ${run.name}`
      : shown >= run.kept
        ? `all ${whole(run.kept)} snapshots of ${run.name}`
        : `${whole(shown)} of ${whole(run.kept)} snapshots of ${run.name}: each to epoch ${whole(run.epochs[Math.max(all - 1, 0)])}, then even on a log scale`;
  const keys = Object.assign(document.createElement("span"), {
    innerHTML: "<kbd>←</kbd> <kbd>→</kbd> step, <kbd>space</kbd> plays, <kbd>Home</kbd> <kbd>End</kbd>",
  });
  const tied = told.tied ? [`distances in ${told.called} tie: their tree is one of several`] : [];
  const text = (content) => Object.assign(document.createElement("span"), { textContent: content });
  const parts = [which, `numbers to ±${upwards(error)}`, `modes aligned to those of ${told.called}`, ...tied];
  return [keys, ...parts.map(text)];
}

// --------------------------------------------------------------------------------------------------------------- the epoch

function goTo(index) {
  state.at = clamp(index, 0, state.timeline.length - 1);
  state.epoch = state.timeline[state.at];
  if (state.timeline.length > 1) state.wanted = state.epoch; // the data have one epoch, and leave the run's as it was
  const slider = $("#slider"),
    text = `epoch ${whole(state.epoch)}`;
  slider.value = state.at;
  slider.setAttribute("aria-valuetext", text);
  $("#epoch").textContent = text;
  for (const side of state.sides) {
    for (const panel of Object.values(side.panels)) panel.looks.update(panel);
    $(".status", side.element).replaceChildren(...status(side));
  }
  if (state.hover)
    hover(
      state.hover.panel
        ? { ...heat.cell(state.hover.panel, state.hover.row, state.hover.cell), panel: state.hover.panel }
        : null,
      0,
      0,
    );
}

/** Say what a side is, and how far it is at this epoch. */
function status(side) {
  const seed = side.run.seeds[side.seed],
    { f, epoch } = snapshot(side),
    parts = [];
  const at = (name) => unpack(seed[name]).at(f)[0];
  if (seed.loss) parts.push(`loss ${said(at("loss"))}`);
  if (seed.accuracy) parts.push(`${(100 * at("accuracy")).toFixed(1)} % right`);
  if (seed.seed !== null && state.epoch >= seed.end && (seed.status !== "finished" || state.epoch > seed.end))
    parts.push(`${seed.status} at epoch ${whole(seed.end)}`);
  side.element.dataset.epoch = epoch;
  parts.push(side.run.about);
  $(".status", side.element).title = side.run.rule;
  return [parts.join(" · ")];
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function play(on) {
  clearInterval(state.playing);
  state.playing = 0;
  if (on && state.timeline.length > 1) {
    if (state.at === state.timeline.length - 1) goTo(0);
    const steps = calm.matches ? 2 : clamp(state.timeline.length / 13, 3, 13); // a second; a long training takes 13 seconds
    state.playing = setInterval(() => {
      goTo(state.at + 1);
      if (state.at === state.timeline.length - 1) play(false);
    }, 1000 / steps);
  }
  const button = $("#play"),
    label = state.playing ? "Pause" : "Play";
  button.setAttribute("aria-label", label);
  button.title = `${label.toLowerCase()} (space)`;
  $("path", button).setAttribute("d", state.playing ? "M3.5 2h3.5v12H3.5zM9 2h3.5v12H9z" : "M4 2v12l10-6z");
}

const step = (by) => {
  play(false);
  goTo(state.at + by);
};

function keyed(event) {
  if (event.target.closest("select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    PageUp: () => step(10),
    PageDown: () => step(-10),
    Home: () => step(-state.timeline.length),
    End: () => step(state.timeline.length),
    " ": () => play(!state.playing),
  }[event.key];
  if (!does || (event.key === " " && event.target.closest("button:not(#play)"))) return;
  event.preventDefault();
  does();
}

function sideBySide(on) {
  const [{ run, seed, layer }] = state.sides,
    place = told.runs.indexOf(run),
    next = told.runs[place + 1] ?? told.runs[place - 1] ?? run;
  state.sides.length = 1;
  if (on) {
    const of = next.layers.findIndex((other) => other.name === layer.name);
    state.sides.push(newSide(next, Math.min(seed, next.seeds.length - 1), Math.max(of, 0)));
  }
  arrange();
}

$("#slider").addEventListener("input", (event) => {
  play(false);
  goTo(+event.target.value);
});
$("#back").addEventListener("click", () => step(-1));
$("#forward").addEventListener("click", () => step(1));
$("#play").addEventListener("click", () => play(!state.playing));
$("#beside").addEventListener("click", () => sideBySide(state.sides.length === 1));
document.addEventListener("keydown", keyed);
let resized;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(arrange, 60);
});

state.sides.push(newSide(told.runs[0], 0, 0));
state.wanted = told.runs[0].epochs.at(-1);
if (told.runs.filter((run) => run.seeds[0].seed !== null).length > 1 && innerWidth >= 900) sideBySide(true);
else arrange();

/** What is shown, for a look from the console: numbers by side, rows as arrays. */
window.shown = () =>
  state.sides.map((side) => {
    const { M, U, S, V, K, p, epoch } = snapshot(side),
      rows = (array, width) => range(array.length / width).map((i) => [...array.slice(i * width, (i + 1) * width)]);
    return {
      run: side.run.name,
      seed: side.run.seeds[side.seed].seed,
      layer: side.layer.name,
      epoch,
      matrix: rows(M, p),
      U: rows(U, K),
      S: rows(S, K),
      V: rows(V, K),
    };
  });
