// The explorer's panels. Each kind draws what stays, updates what follows the epoch, marks what is pointed at, and says
// what is at a place.

// ------------------------------------------------------------------------------------------------------------ heat maps

const TITLES = {
  response: (side) => side.layer.title,
  U: () => "U",
  S: () => "S",
  V: () => "V′",
  strengths: () => "Mode strengths",
  tree: () => "Dendrogram",
  paths: () => `${told.row[0].toUpperCase()}${told.row.slice(1)} paths`,
};
const NOTES = {
  response: () => "= U S V′",
  U: () => `${plural(told.row)} × modes`,
  S: () => "",
  V: (side) => `modes × ${plural(side.layer.column)}`,
  tree: () => "average linkage, by distance",
  paths: () => "nearest to distances at the end",
  strengths: () => "",
};
const plural = (word) => word.replace(/y$/, "ie").replace(/s$/, "se") + "s";
const columnName = (side, j) =>
  side.layer.column === "property" ? side.layer.columns[j] : `${side.layer.column} ${side.layer.columns[j]}`;

/** What a heat map shows: its size, values, limit of colour, and what its rows and columns are. */
function matrixOf(kind, side) {
  const shown = snapshot(side),
    { K, p } = shown;
  return {
    response: () => ({
      rows: n,
      columns: p,
      value: (i, j) => shown.M[i * p + j],
      ...responseLimit(side),
      row: "item",
      column: "column",
    }),
    U: () => ({
      rows: n,
      columns: K,
      value: (i, k) => shown.U[i * K + k],
      limit: limitOf("U", side),
      row: "item",
      column: "mode",
    }),
    S: () => ({
      rows: K,
      columns: K,
      value: (k, l) => shown.S[k * K + l],
      limit: limitOf("S", side),
      low: Math.min(...beside(side).map((other) => seedOf(other).S.least)), // between modes that turn together
      row: "mode",
      column: "mode",
    }),
    V: () => ({
      rows: K,
      columns: p,
      value: (k, j) => shown.V[j * K + k],
      limit: limitOf("V", side),
      row: "mode",
      column: "column",
    }),
  }[kind]();
}

// Limits hold over all epochs, and on both sides: equal colours are equal values. But an output that nothing taught may be
// of any size, and would leave a taught one beside it pale and flat.
const untaught = ({ run, layer }) => layer.ofOutput && !run.taught;
const beside = (side) => state.sides.filter((other) => untaught(other) === untaught(side));
const outputsBeside = (side) => (side.layer.ofOutput ? beside(side).filter((other) => other.layer.ofOutput) : [side]);
const limitOf = (part, side) => Math.max(...beside(side).map((other) => seedOf(other)[part].largest)) || 1;

function responseLimit(side) {
  const seeds = beside(side).map(({ layer, seed }) => layer.seeds[seed]);
  const low = Math.min(...seeds.map((seed) => seed.low)),
    high = Math.max(...seeds.map((seed) => seed.high));
  const limit = Math.max(-low, high) || 1;
  return { limit, low: low < -1e-6 * limit ? -limit : 0 };
}

const heat = {
  draw(panel) {
    const { svg, kind, side } = panel,
      { names, over, pitch, cell: narrow } = side.sizes,
      size = em();
    const matrix = matrixOf(kind, side),
      { rows, columns } = matrix;
    // V' stands under the response, column under column, but where two runs share the screen
    const x = kind === "S" || (kind === "V" && state.layout === "half") ? 1.6 * size : names,
      y = over;
    const wide = kind === "U" || kind === "S" ? narrow : (panel.size.width - x - 2) / columns;
    const w = Math.min(wide, 2.6 * pitch) * columns,
      h = pitch * rows;
    panel.cells = { x, y, w, h, ...matrix };
    Object.assign(panel.canvas, { width: columns, height: rows });
    const { width, height } = panel.size,
      part = (length, of) => `${(100 * length) / of}%`; // so cells stay on their grid at any size of the frame
    Object.assign(panel.canvas.style, {
      left: part(x, width),
      top: part(y, height),
      width: part(w, width),
      height: part(h, height),
    });
    const cell = w / columns,
      lines = [];
    if (cell > 4) for (let j = 1; j < columns; j++) lines.push(`M${x + j * cell} ${y}v${h}`);
    for (let i = 1; i < rows; i++) lines.push(`M${x} ${y + i * pitch}h${w}`);
    draw(svg, "path", { class: "grid", d: lines.join("") });
    draw(svg, "rect", { class: "box", x, y, width: w, height: h });
    heat.bar(panel, x + w, y);
    heat.rows(panel, pitch, size);
    heat.columns(panel, cell, size);
    panel.marks = draw(svg, "g", { class: "marks" });
    const what = { response: side.layer.name, U: "U", S: "S", V: "V transposed" }[kind];
    svg.setAttribute(
      "aria-label",
      `${what}, ${rows} ${plural(matrix.row === "item" ? told.row : matrix.row)} by ${columns} ${plural(matrix.column)}; Shift and arrows read cells`,
    );
  },
  bar({ svg, cells }, right, y) {
    const size = 0.78 * em(),
      { low = -cells.limit } = cells,
      high = short(cells.limit);
    const width = Math.min(5 * size, cells.w / 3),
      x = right - width - widthOf(high, size) - 4;
    for (const i of range(24))
      draw(svg, "rect", {
        x: x + (i * width) / 24,
        y: y - 1.1 * size,
        width: width / 24 + 0.5,
        height: 0.6 * size,
        fill: rgb(colour(low + ((i + 0.5) / 24) * (cells.limit - low), cells.limit)),
      });
    draw(
      svg,
      "text",
      { class: "quiet", x: x - 4, y: y - 0.5 * size, "font-size": size, "text-anchor": "end" },
      short(low),
    );
    draw(svg, "text", { class: "quiet", x: right, y: y - 0.5 * size, "font-size": size, "text-anchor": "end" }, high);
  },
  rows(panel, pitch, size) {
    const { svg, cells, kind } = panel,
      fits = Math.min(0.92 * size, 0.98 * pitch);
    if (kind === "V" || kind === "S")
      return modeLabels(
        svg,
        cells.rows,
        (k) => ({ x: cells.x - 5, y: cells.y + (k + 0.5) * pitch, anchor: "end" }),
        fits,
        1,
      );
    for (const i of range(n)) {
      const y = cells.y + (i + 0.5) * pitch;
      draw(svg, "path", {
        d: marker(i, 0.3 * fits),
        transform: `translate(${0.5 * size} ${y})`,
        fill: categoryColour(i),
      });
      draw(
        svg,
        "text",
        { x: 1.1 * size, y: y + 0.35 * fits, "font-size": fits },
        cut(items[i], cells.x - 1.3 * size, fits),
      );
    }
  },
  columns(panel, cell, size) {
    const { svg, cells, kind, side } = panel,
      y = cells.y + cells.h,
      columns = side.layer.columns;
    if (kind === "U" || kind === "S") {
      const room = widthOf(String(cells.columns), 0.92 * size) + 0.3 * size,
        every = [1, 5, 10, 20, 50].find((step) => Math.max(1, step - 1) * cell > room) ?? 100; // from 1 to the next
      return modeLabels(
        svg,
        cells.columns,
        (k) => ({ x: cells.x + (k + 0.5) * cell, y: y + 0.75 * size }),
        0.92 * size,
        every,
      );
    }
    if (side.layer.column !== "property") return kind === "response" || cell > 0.9 * size ? numbers() : undefined;
    if (kind === "V") return undefined; // the names stand under the response
    const fits = Math.min(0.88 * size, 0.95 * cell);
    if (!side.sizes.legible) {
      const middle = { x: cells.x + cells.w / 2, y: y + size, "text-anchor": "middle" }; // each is named when pointed at
      draw(svg, "text", { class: "quiet", "font-size": 0.78 * size, ...middle }, `${whole(columns.length)} properties`);
      return undefined;
    }
    for (const j of range(cells.columns))
      draw(
        svg,
        "text",
        {
          class: "column",
          "font-size": fits,
          "text-anchor": "end",
          transform: `translate(${cells.x + (j + 0.5) * cell + 0.35 * fits} ${y + 4}) rotate(-90)`,
        },
        cut(columns[j], panel.size.height - y - 5, fits),
      );
    return undefined;
    function numbers() {
      const every = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => step * cell > 2.2 * size) ?? 1000;
      for (const j of range(cells.columns))
        if (j === 0 || ((j + 1) % every === 0 && j * cell > 4 * size))
          draw(
            svg,
            "text",
            {
              class: "quiet",
              x: cells.x + (j + 0.5) * cell,
              y: y + size,
              "font-size": 0.78 * size,
              "text-anchor": "middle",
            },
            j === 0 ? `${side.layer.column} ${columns[j]}` : columns[j],
          );
    }
  },
  update(panel) {
    const matrix = matrixOf(panel.kind, panel.side),
      { rows, columns, value, limit } = Object.assign(panel.cells, matrix);
    const brush = panel.canvas.getContext("2d"),
      image = brush.createImageData(columns, rows);
    for (let i = 0, at = 0; i < rows; i++)
      for (let j = 0; j < columns; j++, at += 4) image.data.set([...colour(value(i, j), limit), 255], at);
    brush.putImageData(image, 0, 0);
  },
  mark(panel) {
    const { x, y, w, h, rows, columns, row, column } = panel.cells,
      { marks, side } = panel;
    marks.replaceChildren();
    const i = marked(row, side),
      j = marked(column, side);
    if (i !== undefined && i < rows)
      draw(marks, "rect", { class: "mark", x, y: y + (i * h) / rows, width: w, height: h / rows });
    if (j !== undefined && j < columns)
      draw(marks, "rect", { class: "mark", x: x + (j * w) / columns, y, width: w / columns, height: h });
  },
  at(panel, px, py) {
    const { x, y, w, h, rows, columns } = panel.cells,
      i = Math.floor(((py - y) / h) * rows),
      j = Math.floor(((px - x) / w) * columns);
    return i >= 0 && i < rows && j >= 0 && j < columns ? heat.cell(panel, i, j) : null;
  },
  cell(panel, i, j) {
    const { row, column, value } = panel.cells,
      { side, kind } = panel,
      x = said(value(i, j));
    const place = { row: i, cell: j, [row]: i, [column]: kind === "S" ? i : j, side };
    const names = {
      response: () => `${items[i]}, ${columnName(side, j)}`,
      U: () => `${items[i]}, ${modeName(j)}`,
      S: () => (i === j ? modeName(i) : `modes ${i + 1} and ${j + 1}`),
      V: () => `${columnName(side, j)}, ${modeName(i)}`,
    };
    const data = kind === "response" && side.layer.ofOutput && theData ? `  (${told.called.replace(/^the /, "")} ${plain(dataAt(i, j))})` : "";
    return { ...place, text: `${names[kind]()}\n${x}${data}` };
  },
};

const modeName = (k) => `mode ${k + 1}` + (told.modes[k]?.about ? ` (${told.modes[k].about})` : "");
const modeLook = (k) => told.modes[k] ?? { colour: "#222222", dashes: [] };
function modeLabels(svg, K, place, size, every) {
  for (const k of range(K)) {
    if (k > 0 && (k + 1) % every) continue;
    const { x, y, anchor } = place(k);
    draw(
      svg,
      "text",
      { x, y: y + 0.35 * size, "font-size": size, "text-anchor": anchor ?? "middle", class: "mode" },
      k + 1,
    );
  }
}

// ------------------------------------------------------------------------------- strengths over training, with a cursor

const strengths = {
  draw(panel) {
    const {
        svg,
        side,
        size: { width, height },
      } = panel,
      size = em(),
      fits = 0.88 * size;
    const { K, at } = strengthsOf(side),
      last = state.timeline.at(-1),
      epochs = side.run.epochs;
    const values = outputsBeside(side).flatMap((other) => strengthsOf(other).at.flatMap((row) => [...row]));
    const goal = side.layer.ofOutput ? told.modes.map((mode) => mode.s) : [];
    const low = Math.min(0, ...values),
      high = Math.max(...values, ...goal) || 1;
    const box = { x: 2.4 * size, y: 0.6 * size, w: width - 4.6 * size, h: height - 3.2 * size };
    const X = (e) => box.x + (symlog(e) / (symlog(last) || 1)) * box.w,
      Y = (s) => box.y + box.h * (1 - (s - low) / (high - low));
    panel.plot = { X, Y, box, K, at, last };
    draw(svg, "path", { class: "axis", d: `M${box.x} ${box.y}v${box.h}M${box.x} ${Y(0)}h${box.w}` });
    for (const s of ticks(low, high)) {
      draw(svg, "path", { class: "axis", d: `M${box.x} ${Y(s)}h-4` });
      draw(svg, "text", { x: box.x - 6, y: Y(s) + 0.35 * fits, "font-size": fits, "text-anchor": "end" }, short(s));
    }
    for (const e of [0, 1, 10, 100, 1000, 1e4, 1e5, 1e6].filter((e) => e <= last)) {
      draw(svg, "path", { class: "axis", d: `M${X(e)} ${box.y + box.h}v4` });
      draw(
        svg,
        "text",
        { x: X(e), y: box.y + box.h + 1.15 * size, "font-size": fits, "text-anchor": "middle" },
        whole(e),
      );
    }
    draw(
      svg,
      "text",
      { class: "quiet", x: box.x + box.w, y: box.y + box.h + 2.2 * size, "font-size": fits, "text-anchor": "end" },
      "epoch, log from 1" + (goal.length ? ` · ◂ ${told.called.replace(/^the /, "")}` : ""),
    );
    panel.lines = range(K).map((k) => {
      const look = modeLook(k),
        points = epochs.map((e, f) => `${X(e).toFixed(1)} ${Y(at[f][k]).toFixed(1)}`);
      if (epochs.at(-1) < last) points.push(`${X(last)} ${Y(at.at(-1)[k])}`);
      return draw(svg, "path", {
        class: "curve",
        d: `M${points.join("L")}`,
        stroke: look.colour,
        "stroke-dasharray": look.dashes.map((d) => 1.6 * d).join(" ") || undefined,
      });
    });
    strengths.labels(panel, goal, fits);
    panel.cursor = draw(svg, "g");
    svg.setAttribute("aria-label", `strength of ${K} modes over training`);
  },
  labels(panel, goal, size) {
    const {
        svg,
        plot: { Y, box, K, at },
      } = panel,
      x = box.x + box.w;
    const gap = 0.92 * size,
      places = range(K)
        .map((k) => ({ k, y: Y(at.at(-1)[k]) }))
        .sort((a, b) => a.y - b.y);
    if (K <= 10 && K * gap < box.h) {
      // all fit: they make room for each other, first downwards, then up from the foot
      places.forEach((place, i) => {
        if (i) place.y = Math.max(place.y, places[i - 1].y + gap);
      });
      for (let i = K - 1, floor = box.y + box.h + 0.5 * gap; i >= 0; i--, floor -= gap)
        places[i].y = Math.min(places[i].y, floor);
    }
    let above = -Infinity;
    for (const { k, y } of places) {
      if (y < above + 0.99 * gap) continue;
      above = y;
      draw(
        svg,
        "text",
        {
          class: "strong",
          x: x + 0.8 * size,
          y: y + 0.35 * size,
          "font-size": size,
          style: `fill:${modeLook(k).colour}`,
        },
        k + 1,
      );
    }
    for (const [k, s] of goal.entries())
      if (k < K && s > 0)
        draw(svg, "path", {
          d: `M${x + 6} ${Y(s)}l-6 -3.5v7z`,
          transform: `rotate(180 ${x + 3} ${Y(s)})`,
          fill: modeLook(k).colour,
        });
  },
  update(panel) {
    const {
        cursor,
        plot: { X, Y, box, K, at },
        side,
      } = panel,
      { f, epoch } = snapshot(side),
      x = X(Math.max(epoch, Math.min(state.epoch, panel.plot.last)));
    cursor.replaceChildren();
    draw(cursor, "line", { class: "cursor", x1: x, x2: x, y1: box.y, y2: box.y + box.h });
    for (const k of range(K)) draw(cursor, "circle", { cx: x, cy: Y(at[f][k]), r: 2.8, fill: modeLook(k).colour });
  },
  mark(panel) {
    const k = marked("mode", panel.side);
    panel.lines.forEach((line, of) =>
      line.classList.toggle("faint", k !== undefined && k < panel.lines.length && of !== k),
    );
  },
  at(panel, px, py) {
    const { X, Y, box, K, at } = panel.plot,
      epochs = panel.side.run.epochs;
    if (px < box.x - 4 || px > box.x + box.w + 30 || !K) return null;
    const f = nearest(epochs, (e) => X(e), px),
      k = nearest(range(K), (k) => Y(at[f][k]), py);
    if (Math.abs(Y(at[f][k]) - py) > 14) return null;
    return { mode: k, side: panel.side, text: `${modeName(k)}\n${said(at[f][k])} at epoch ${whole(epochs[f])}` };
  },
  press(panel, px) {
    const { box, last } = panel.plot;
    goTo(nearest(state.timeline, (e) => e, unsymlog(clamp((px - box.x) / box.w, 0, 1) * symlog(last))));
  },
};

function nearest(list, of, target) {
  let best = 0;
  for (const i of range(list.length))
    if (Math.abs(of(list[i]) - target) < Math.abs(of(list[best]) - target)) best = i;
  return best;
}
function ticks(low, high) {
  const rough = (high - low) / 4,
    power = 10 ** Math.floor(Math.log10(rough)),
    step = [1, 2, 5, 10].find((s) => s * power >= rough) * power;
  return range(Math.floor(high / step) - Math.ceil(low / step) + 1).map((i) => (Math.ceil(low / step) + i) * step);
}

// ---------------------------------------------------------------------------------------------------------------- trees

const tree = {
  draw(panel) {
    const { svg, side } = panel;
    panel.tallest = Math.max(...outputsBeside(side).map((other) => seedOf(other).heights.largest)) || 1;
    panel.body = draw(svg, "g");
    svg.setAttribute("aria-label", `dendrogram of the ${plural(told.row)}`);
  },
  update(panel) {
    const {
        body,
        side,
        size: { width, height },
        tallest,
      } = panel,
      size = em(),
      { links, heights } = snapshot(side);
    const nodes = range(n).map((i) => ({ leaves: [i], height: 0, category: told.category[i] }));
    for (const l of range(n - 1)) {
      const [a, b] = [nodes[links[2 * l]], nodes[links[2 * l + 1]]];
      nodes.push({
        a,
        b,
        leaves: [...a.leaves, ...b.leaves],
        height: heights[l],
        category: a.category === b.category ? a.category : null,
      });
    }
    const order = nodes.at(-1).leaves,
      foot = 1.7 * size,
      pitch = (height - foot - 4) / n,
      fits = Math.min(0.95 * size, pitch);
    const names = Math.min(side.sizes.names, 0.6 * width), // the tree keeps the rest
      right = width - names - 2,
      left = 6,
      X = (h) => right - (h / tallest) * (right - left);
    body.replaceChildren();
    order.forEach((i, place) => {
      const y = 4 + (place + 0.5) * pitch,
        leaf = draw(body, "g", { "data-item": i });
      nodes[i].y = y;
      draw(leaf, "path", {
        d: marker(i, 0.3 * fits),
        transform: `translate(${right + 0.5 * size} ${y})`,
        fill: categoryColour(i),
      });
      draw(
        leaf,
        "text",
        { x: right + 1.1 * size, y: y + 0.35 * fits, "font-size": fits },
        cut(items[i], names - 1.2 * size, fits),
      );
    });
    panel.links = [];
    for (const node of nodes.slice(n)) {
      node.y = (node.a.y + node.b.y) / 2;
      const x = X(node.height),
        colour =
          node.category === null ? "#222222" : told.categoryColours[node.category % told.categoryColours.length];
      draw(body, "path", {
        class: "branch",
        d: `M${X(node.a.height)} ${node.a.y}H${x}V${node.b.y}H${X(node.b.height)}`,
        stroke: colour,
      });
      panel.links.push({ x, y: node.y, top: node.a.y, bottom: node.b.y, node });
    }
    const y = height - foot + 2;
    draw(body, "path", { class: "axis", d: `M${left} ${y}H${right}` });
    for (const h of ticks(0, tallest)) {
      draw(body, "path", { class: "axis", d: `M${X(h)} ${y}v3` });
      draw(body, "text", { x: X(h), y: y + 1.1 * size, "font-size": 0.8 * size, "text-anchor": "middle" }, short(h));
    }
    panel.order = order;
    panel.rows = { pitch, right };
    tree.mark(panel);
  },
  mark: (panel) => fade(panel.body, panel.side),
  at(panel, px, py) {
    const { pitch, right } = panel.rows,
      i = panel.order[Math.floor((py - 4) / pitch)];
    if (px >= right - 2) return i === undefined ? null : { item: i, side: panel.side, text: items[i] };
    const link = panel.links.find(
      ({ x, top, bottom }) =>
        Math.abs(px - x) < 5 && py > Math.min(top, bottom) - 3 && py < Math.max(top, bottom) + 3,
    );
    return link
      ? {
          side: panel.side,
          text: `${link.node.leaves.map((l) => items[l]).join(", ")}\njoin at ${said(link.node.height)}`,
        }
      : null;
  },
};

/** Let all items but the marked one step back. */
function fade(group, side) {
  const i = marked("item", side);
  for (const element of group.querySelectorAll("[data-item]"))
    element.classList.toggle("faint", i !== undefined && +element.dataset.item !== i);
}

// ---------------------------------------------------------------------------------------------------------------- paths

const paths = {
  draw(panel) {
    const {
        svg,
        side,
        size: { width, height },
      } = panel,
      xs = [],
      ys = [];
    for (const other of outputsBeside(side)) {
      const { path } = seedOf(other);
      for (const f of range(path.length)) path.at(f).forEach((v, i) => (i % 2 ? ys : xs).push(v));
    }
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)],
      edge = 1.2 * em(),
      names = Math.min(side.sizes.names, 0.27 * width);
    const scale = Math.min((width - 2 * names) / (x1 - x0 || 1), (height - 2 * edge) / (y1 - y0 || 1));
    panel.place = (x, y) => [width / 2 + (x - (x0 + x1) / 2) * scale, height / 2 - (y - (y0 + y1) / 2) * scale];
    const { path } = seedOf(side);
    panel.points = range(path.length).map((f) => {
      const at = path.at(f);
      return range(n).map((i) => panel.place(at[2 * i], at[2 * i + 1]));
    });
    panel.body = draw(svg, "g");
    svg.setAttribute("aria-label", `paths of the ${plural(told.row)} in a plane over training`);
  },
  update(panel) {
    const {
        body,
        points,
        side,
        size: { width },
      } = panel,
      { f } = snapshot(side),
      size = 0.95 * em(),
      taken = [];
    const line = (from, to, i) =>
      "M" +
      points
        .slice(from, to)
        .map((at) => `${at[i][0].toFixed(1)} ${at[i][1].toFixed(1)}`)
        .join("L");
    body.replaceChildren();
    for (const i of range(n)) {
      const group = draw(body, "g", { "data-item": i });
      if (f < points.length - 1)
        draw(group, "path", { class: "ahead", d: line(f, points.length, i), stroke: categoryColour(i) });
      if (f > 0) draw(group, "path", { class: "trail", d: line(0, f + 1, i), stroke: categoryColour(i) });
    }
    for (const i of range(n)) {
      const [x, y] = points[f][i],
        group = draw(body, "g", { "data-item": i });
      draw(group, "path", {
        d: marker(i, 0.34 * size),
        transform: `translate(${x} ${y})`,
        fill: categoryColour(i),
        stroke: "#ffffff",
        "stroke-width": 0.8,
      });
      const name = cut(items[i], Math.max(x, width - x) - 0.6 * size, size),
        w = widthOf(name, size),
        free = { right: x + 0.6 * size + w <= width, left: x - 0.6 * size - w >= 0 };
      const right = free.left ? free.right && x >= width / 2 : true,
        x0 = right ? x + 0.6 * size : x - 0.6 * size - w;
      const box = [x0, y - 0.5 * size, x0 + w, y + 0.5 * size];
      if (taken.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) continue;
      taken.push(box);
      draw(group, "text", { x: x0, y: y + 0.35 * size, "font-size": size }, name);
    }
    paths.mark(panel);
  },
  mark: (panel) => fade(panel.body, panel.side),
  at(panel, px, py) {
    const at = panel.points[snapshot(panel.side).f],
      i = nearest(range(n), (i) => Math.hypot(at[i][0] - px, at[i][1] - py), 0);
    return Math.hypot(at[i][0] - px, at[i][1] - py) < 14 ? { item: i, side: panel.side, text: items[i] } : null;
  },
};
