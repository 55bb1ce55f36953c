// A drawing over the steps: axes, lines, marks and a cursor. Its units are pixels, so that text keeps its size.
class Plot {
  constructor(view, parent, options = {}) {
    this.view = view;
    this.margin = { left: 36, right: 10, top: 8, bottom: 18, ...options.margin };
    this.svg = add(parent, "svg", { class: "rl-plot", ...options.attributes });
    const id = `rl-clip-${Plot.count = (Plot.count || 0) + 1}`;
    this.clip = add(add(add(this.svg, "defs"), "clipPath", { id }), "rect");
    for (const name of ["axes", "marks", "lines", "cursor", "over"]) this[name] = add(this.svg, "g");
    this.lines.setAttribute("clip-path", `url(#${id})`);
    this.paths = new Map();
    this.framed = this.marked = "";
    view.measure(this.svg);
  }

  // The place that is left to it, and its scales; axes are drawn anew where something of that has changed.
  frame(steps, low, high, unit = "") {
    const [width, height] = this.view.size(this.svg);
    const framed = [width, height, steps, low, high].join();
    if (framed === this.framed || !width || !height) return;
    Object.assign(this, { framed, width, height, steps, low, high });
    const { left, right, top, bottom } = this.margin;
    put(this.svg, "viewBox", `0 0 ${width} ${height}`);
    const inner = { x: left, y: top - 2, width: width - left - right, height: height - top - bottom + 4 };
    for (const [key, value] of Object.entries(inner)) put(this.clip, key, Math.max(value, 0));
    this.axes.replaceChildren();
    for (const value of ticks(low, high, 2)) {
      add(this.axes, "line", { class: "rl-grid", x1: left, x2: width - right, y1: this.y(value), y2: this.y(value) });
      add(this.axes, "text", { x: left - 5, y: this.y(value) + 4, "text-anchor": "end" }, short(value) + unit);
    }
    const parts = [6, 5, 4, 3, 2].find((count) => width / count > 60 && steps % count === 0) || 1;
    for (let step = 0; step <= steps; step += steps / parts) {
      const last = step === steps;
      add(this.axes, "text", { x: last ? width - right + 4 : this.x(step), y: height - 4, "text-anchor": last ? "end" : "middle" }, String(step));
    }
  }

  x(step) {
    return this.margin.left + (step / this.steps) * (this.width - this.margin.left - this.margin.right);
  }

  y(value) {
    const inner = this.height - this.margin.top - this.margin.bottom;
    return this.height - this.margin.bottom - ((value - this.low) / (this.high - this.low)) * inner;
  }

  // The step and the value under a pointer.
  at(event) {
    const box = this.svg.getBoundingClientRect(), { left, right, top, bottom } = this.margin;
    const step = ((event.clientX - box.left - left) / (this.width - left - right)) * this.steps;
    const share = (box.bottom - bottom - event.clientY) / (this.height - top - bottom);
    return { step: clamp(step, 0, this.steps), value: this.low + share * (this.high - this.low) };
  }

  line(name, type, points) {
    if (!this.paths.has(name)) this.paths.set(name, add(this.lines, "path"));
    const line = this.paths.get(name);
    put(line, "class", `rl-line ${type}`);
    put(line, "d", path(points.map(([step, value]) => [this.x(step), value === null ? NaN : this.y(value)])));
  }

  dot(name, side, step, value) {
    if (!this.paths.has(name)) this.paths.set(name, add(this.over, "path", { class: `rl-dot rl-side${side}` }));
    const there = Boolean(this.width) && Number.isFinite(value), x = there ? this.x(step) : 0, y = there ? this.y(value) : 0;
    put(this.paths.get(name), "d", there && y > -9 && y < this.height + 9 ? shape(side, x, y) : "");
  }

  // Where something was changed.
  mark(marks, named) {
    const marked = JSON.stringify([this.framed, marks.map((mark) => [mark.first, mark.last, mark.side])]);
    if (marked === this.marked || !this.width) return;
    this.marked = marked;
    this.marks.replaceChildren();
    const { top, bottom } = this.margin;
    let told = -Infinity; // where the last number stands: two that touch would be read as one
    marks.forEach((mark, i) => {
      const place = { x: this.x(mark.first), y: top, height: this.height - top - bottom };
      add(this.marks, "rect", { ...place, width: Math.max(this.x(mark.last) - place.x, 0), class: "rl-span" });
      add(this.marks, "line", { x1: place.x, x2: place.x, y1: top, y2: this.height - bottom, class: `rl-mark rl-side${mark.side}` });
      if (!named || place.x - told < 14) return;
      told = place.x;
      add(this.marks, "text", { x: place.x, y: top - 3, "text-anchor": "middle", class: "rl-number" }, String(i + 1));
    });
  }

  point(step) {
    this.cursor.replaceChildren();
    if (step === null || !this.width) return;
    const x = this.x(step), { top, bottom } = this.margin;
    add(this.cursor, "line", { x1: x, x2: x, y1: top, y2: this.height - bottom, class: "rl-cursor" });
  }
}

// What is written in a drawing: each text at the first of its places where it touches nothing.
class Texts {
  constructor(frame) {
    Object.assign(this, { frame, taken: [], lines: [] });
  }

  // Boxes are [left, top, right, bottom]; places are seen from (x, y), as the text is.
  write(text, letter, height, places, x, y) {
    const width = letter * text.textContent.length, [left, top, right, bottom] = this.frame;
    const boxes = places(width).map(([i, j]) => [x + i, y + j, x + i + width, y + j + height]);
    const within = (box) => box[0] >= left && box[1] >= top && box[2] <= right && box[3] <= bottom;
    const meets = (box, others) => others.some((each) => box[0] < each[2] && each[0] < box[2] && box[1] < each[3] && each[1] < box[3]);
    const free = boxes.filter((box) => within(box) && !meets(box, this.taken));
    const found = free.find((box) => !meets(box, this.lines)) || free[0] || boxes[0];
    this.taken.push(found);
    put(text, "x", (found[0] - x + width / 2).toFixed(1));
    put(text, "y", (found[1] - y + 0.77 * height).toFixed(1));
  }
}

// A piece of each line, and what it is: [class, name].
class Legend {
  constructor(parent) {
    this.box = add(parent, "p", { class: "rl-legend" });
  }

  draw(all) {
    const drawn = String(all);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.box.replaceChildren();
    for (const [type, name] of all) {
      const each = add(this.box, "span");
      add(add(each, "svg", { width: 26, height: 8, "aria-hidden": "true" }), "path", { class: `rl-line ${type}`, d: "M0 4H26" });
      each.append(` ${name}`);
    }
  }
}

// What a session's lines are.
function named(session) {
  const found = session.begin.sides.map(({ name }, i) => [`rl-side${i}`, name]);
  if (session.ghost) found.push(["rl-ghost", "λ before your last change"]);
  if (session.past(LAMBDA).some((each) => each.length)) found.push(["rl-earlier", "earlier runs"]);
  return found;
}

// The run is a disc, its twin a square that stands on a corner: not told by colour alone.
function shape(side, x, y, size = 4) {
  const [r, s] = [size, size + 1];
  if (side) return `M${x - s} ${y}L${x} ${y - s}L${x + s} ${y}L${x} ${y + s}Z`;
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}

// The losses of records, as many as can be told apart: of a crowd the lowest and the highest.
function thin(rows, most) {
  const size = Math.ceil(rows.length / most), kept = [];
  for (let i = 0; i < rows.length; i += size) {
    let low = rows[i], high = low;
    for (let j = i; j < Math.min(i + size, rows.length); j++) {
      if (rows[j][1] < low[1]) low = rows[j];
      if (rows[j][1] > high[1]) high = rows[j];
    }
    kept.push(...(low === high ? [low] : low[0] < high[0] ? [low, high] : [high, low]));
  }
  return kept.map((row) => [row[0], number(row[1])]);
}
