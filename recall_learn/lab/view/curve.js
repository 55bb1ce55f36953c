// lambda(t), to be dragged: the middle by t0, the slope by k, and anywhere in between by both.
const RISE = Math.log(9); // from 10 % to 90 % in 2 ln 9 / k steps
const LEAST = 4; // pixels: a hand that came so near to t0 wants a switch
const APART = 36; // pixels between the handles of two curves that are one
const AROUND = [[0, -31], [1, -8], [0, 14], [-1, -8], [1, -28], [1, 12], [-1, -28], [-1, 12], [-2, -8], [2, -8], [-1, -46], [1, -46], [0, -46]]; // where a handle's name may stand

const LAMBDA = { key: "lambda", from: "step" };

class Curve {
  constructor(view, parent) {
    const { sides } = view.session.begin;
    Object.assign(this, { view, side: sides[0], handles: [] });
    const box = (this.box = add(parent, "section", { class: "rl-curve", "aria-label": "The schedule" }));
    this.told = add(add(box, "h3", {}, "λ: how much the task counts "), "small");
    if (view.small) this.legend = new Legend(box);
    const attributes = { role: "group", "aria-label": "lambda over the steps", height: 220 };
    this.plot = new Plot(view, box, { attributes, margin: { top: 20, left: 32 } });
    this.hints = ["the task alone", "the pretraining alone"].map((text) => add(this.plot.axes.parentNode, "text", { class: "rl-hint" }, text));
    this.area = add(this.plot.lines, "path", { class: "rl-area" });
    this.words = add(box, "p", { class: "rl-words" });
    sides.forEach((side, i) => side.curve && this.grips(i, side, sides[0].curve && i ? " B" : ""));
    if (this.handles.length) this.grasp(this.plot.svg, (event) => this.grab(this.near(this.plot.at(event)), "plane", event));
    view.follow(this.plot);
  }

  grips(side, { curve, knobs, name }, more) {
    for (const role of ["t0", "k"]) {
      const key = curve[role], knob = knobs.find((each) => each.key === key);
      if (!knob) continue;
      const label = `${more && `${name}, `}${knob.label}: ${knob.help || key}`;
      const about = { class: `rl-handle rl-${role} ${side ? "rl-side1" : ""}`, "data-key": `handle-${side}-${key}` };
      const handle = add(this.plot.over, "g", { role: "slider", tabindex: 0, "aria-label": label, ...about });
      add(handle, "circle", { r: 22, class: "rl-reach" });
      add(handle, "circle", { r: 15, class: "rl-ring" });
      add(handle, "path", { d: role === "t0" ? shape(0, 0, 0, 9) : shape(1, 0, 0, 10) });
      const made = { side, role, knob, handle, values: stops(knob), text: add(handle, "text", {}, knob.label + more) };
      this.handles.push(made);
      this.view.on(handle, "keydown", (event) => this.key(event, made));
      this.grasp(handle, () => this.grab(side, role));
    }
  }

  grasp(target, start) {
    put(target, "data-drags", "");
    this.view.drag(target, { start, move: (event) => this.pull(event), end: (event) => this.drop(event) });
  }

  values(side) {
    const { curve } = this.view.session.begin.sides[side], own = this.view.session.values[side];
    return { k: own[curve.k], t0: own[curve.t0] };
  }

  // The side whose curve a pointer beside the handles means.
  near({ step, value }) {
    const far = ({ side }) => Math.abs(this.view.session.lambda(side)(step) - value);
    return this.handles.reduce((best, each) => (far(each) < far(best) ? each : best)).side;
  }

  grab(side, role, event) {
    this.held = { side, role, ...this.values(side), from: event && { x: event.clientX, y: event.clientY, ...this.plot.at(event) } };
    this.view.session.hold("curve");
  }

  // A click beside the handles brings t0 there.
  drop({ type }) {
    const { side, role, way, from } = this.held;
    if (role === "plane" && !way && type === "pointerup") this.set(side, "t0", from.step);
    this.held = null;
    this.view.session.release();
  }

  pull(event) {
    const here = this.plot.at(event), { side, role } = this.held;
    if (role === "plane") return this.slide(event, here);
    if (role === "t0") return this.set(side, "t0", here.step);
    const { t0 } = this.values(side), way = this.late(t0) ? 1 : -1;
    const away = way * (here.step - t0), share = clamp(0.5 + way * (here.value - 0.5), 0.5, 0.985);
    const close = away < (LEAST / this.plot.width) * this.plot.steps;
    this.set(side, "k", close ? Infinity : Math.log(share / (1 - share)) / away);
  }

  // A hand that took the curve between the handles: sideways it is t0, up and down the slope.
  slide(event, here) {
    const { side, from, k, t0 } = this.held, across = event.clientX - from.x, up = from.y - event.clientY;
    if (!this.held.way && Math.hypot(across, up) < 5) return;
    this.held.way ||= Math.abs(across) >= Math.abs(up) ? "t0" : "k";
    if (this.held.way === "t0") return this.set(side, "t0", t0 + here.step - from.step);
    const floor = RISE / (4 * this.plot.steps);
    this.set(side, "k", Math.max(Number.isFinite(k) ? k : 1, floor) * Math.exp(up / 40));
  }

  set(side, role, value) {
    const found = this.handles.find((each) => each.side === side && each.role === role);
    if (!found) return;
    const { knob } = found, high = number(knob.high);
    if (value === Infinity && !knob.infinite) value = high;
    const last = role === "t0" ? Math.min(high, this.plot.steps) : high;
    const token = this.held ? "curve" : `handle-${side}-${knob.key}`;
    this.view.session.move(side, { [knob.key]: within(knob, value === Infinity ? value : Math.min(value, last)) }, token);
  }

  key(event, { side, role, values }) {
    const now = this.values(side)[role], { steps } = this.plot;
    const many = event.shiftKey || event.key.startsWith("Page") ? 10 : 1;
    const way = { ArrowRight: 1, ArrowUp: 1, PageUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: -1 }[event.key];
    if (event.key === "Home") this.set(side, role, values[0]);
    else if (event.key === "End") this.set(side, role, values.at(-1));
    else if (!way) return;
    else if (role === "t0") this.set(side, role, now + way * many * Math.max(1, Math.round(steps / 100)));
    else this.set(side, role, values[clamp(nearest(values, now) + way * many, 0, values.length - 1)]);
    event.preventDefault();
  }

  // Whether there is more room for the slope's handle after t0 than before.
  late(t0) {
    return t0 < 0.62 * this.plot.steps;
  }

  draw() {
    const { session } = this.view, { begin, step } = session, { plot } = this;
    plot.frame(begin.steps, 0, 1);
    if (!plot.width) return;
    begin.sides.forEach((_, i) => this.drawSide(i, session.sides[i].rows));
    session.past(LAMBDA).forEach((points, i) => plot.line(`earlier${i}`, "rl-earlier", points));
    const { ghost } = session, drawn = ghost && session.lambda(ghost.side, ghost.values);
    plot.line("ghost", "rl-ghost", drawn ? this.points(drawn, 0, begin.steps) : []);
    const marks = session.marks();
    plot.mark(marks, true);
    plot.point(this.view.cursor ?? (step || null));
    this.place(marks);
    this.legend?.draw(named(session));
    say(this.told, ghost && !this.legend ? "grey: before" : this.handles.length ? "drag or click" : "");
    this.box.classList.toggle("rl-invites", session.state.state === "new" && !session.newest);
    say(this.words, this.view.cursor ? this.read(this.view.cursor, marks) : this.story());
  }

  drawSide(side, rows) {
    const { plot } = this, { session } = this.view, { steps } = plot, ahead = session.lambda(side);
    const taken = session.column(side, session.some(side, plot.width), 2);
    plot.line(`taken${side}`, `rl-side${side} rl-taken`, taken);
    plot.line(`whole${side}`, `rl-side${side} rl-whole`, ahead && rows.length ? this.points(ahead, 0, rows.length) : []);
    plot.line(`coming${side}`, `rl-side${side} rl-coming`, ahead ? this.points(ahead, rows.length, steps) : []);
    if (side) return;
    const all = [...taken, ...(ahead ? this.points(ahead, rows.length, steps) : [])].filter(([, value]) => value !== null);
    const corners = (this.corners = all.map(([step, value]) => [plot.x(step), plot.y(value)]));
    const floor = plot.y(0), last = corners.length && corners.at(-1)[0];
    put(this.area, "d", corners.length ? `${path([[corners[0][0], floor], ...corners, [last, floor]])}Z` : "");
  }

  points(lambda, from, to) {
    const count = Math.ceil(clamp(this.plot.width / 2, 2, 240));
    const at = Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count);
    return at.map((step) => [step, lambda(step)]);
  }

  // Handles, and what is written: nothing over anything else.
  place(marks) {
    const { plot, corners } = this, { width, height, margin } = plot, low = height - margin.bottom;
    const frame = [margin.left - 2, 0, width, low], texts = new Texts(frame);
    for (const { first } of marks) texts.taken.push([plot.x(first) - 8, margin.top - 15, plot.x(first) + 8, margin.top]);
    for (const each of this.handles) each.at = this.spot(each);
    for (const { at: [x, y] } of this.handles) texts.taken.push([x - 11, y - 11, x + 11, y + 11]);
    for (const { at: [x, y], text } of this.handles) texts.write(text, 8, 17, (w) => AROUND.map(([i, j]) => [i * (14 + w / 2) - w / 2, j]), x, y);
    texts.lines = corners.slice(1).map(([x, y], i) => [corners[i][0], Math.min(y, corners[i][1]) - 1, x, Math.max(y, corners[i][1]) + 1]);
    const rows = [margin.top + 2, low - 17];
    this.hints.forEach((hint, i) => texts.write(hint, 5.8, 14, (w) => [0, 1, 0.5, 0.25, 0.75].map((share) => [margin.left + 2 + share * (width - margin.left - w - 4), rows[i]]), 0, 0));
  }

  // Where a handle is, in pixels. Setting B's, which begins where the other is, hang lower and farther out.
  spot({ side, role, knob, handle, values }) {
    const { plot } = this, { k, t0 } = this.values(side), { steps } = plot, pixel = steps / plot.width, late = this.late(t0);
    const own = this.view.session.lambda(side), two = this.handles.length > 2, step = clamp(t0, 0, steps), now = role === "t0" ? t0 : k;
    let at = step, value = side && two ? 0.22 : 0.5;
    if (role === "k") {
      const room = Math.min(0.6 * steps, late ? steps - step : step);
      const away = Math.min(Math.max(RISE / k, 14 * pixel), room - (two ? APART * pixel : 0)) + (side && two ? APART * pixel : 0);
      at = clamp(step + (late ? away : -away), 0, steps);
      value = own(at);
    }
    const spot = [plot.x(at), plot.y(value)];
    put(handle, "transform", `translate(${spot.map((each) => each.toFixed(1)).join(" ")})`);
    const scale = role === "t0" ? [number(knob.low), number(knob.high), now] : [0, values.length - 1, nearest(values, now)];
    ["aria-valuemin", "aria-valuemax", "aria-valuenow"].forEach((name, i) => put(handle, name, scale[i]));
    put(handle, "aria-valuetext", [short(now), knob.unit].filter(Boolean).join(" "));
    return spot;
  }

  // What was at a step that somebody looks at.
  read(step, marks) {
    const { session } = this.view, [[, lambda]] = session.column(0, [step], 2), now = `Step ${step}: λ = ${short(lambda)}.`;
    const mark = marks.findLast((each) => each.first <= step);
    if (!mark) return now;
    const { knobs, name } = session.begin.sides[mark.side], label = (key) => knobs.find((knob) => knob.key === key)?.label || key;
    const set = Object.entries(mark.set).map(([key, value]) => `${label(key)} = ${short(number(value))}`).join(", ");
    return `${now} Change ${marks.indexOf(mark) + 1}: ${name} with ${set}.`;
  }

  // What these settings mean, in words.
  story() {
    if (!this.side.curve) return `${this.side.name} has no schedule: the task alone counts from the first step on.`;
    const { k, t0 } = this.values(0), { steps } = this.plot, lambda = (step) => sigmoid(k, t0, step);
    if (k === 0) return "k = 0: both losses weigh the same for ever, and the pull never fades.";
    if (lambda(1) > 0.9) return "The task alone counts from the first step on: this is plain fine-tuning.";
    if (lambda(steps) < 0.1) return `Held for all ${steps} steps: the task never takes over.`;
    const rise = Math.round((2 * RISE) / k), about = `around step ${Math.round(t0)}`;
    if (rise < 2) return `Held by its pretraining for ${Math.round(t0)} steps; then, at once, the task alone.`;
    const begins = lambda(1) > 0.1 ? "The shift has begun before step 1" : `Held until about step ${Math.round(t0 - RISE / k)}`;
    const ends = lambda(steps) < 0.9 ? ` and is not done at step ${steps}` : "";
    return `${begins}; the task takes over within ${plural(rise, "step")} ${about}${ends}.`;
  }
}
