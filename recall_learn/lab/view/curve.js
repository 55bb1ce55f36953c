// lambda(t), to be dragged: the middle by t0, the slope by k, and anywhere in between by both.
const RISE = Math.log(9); // from 10 % to 90 % in 2 ln 9 / k steps
const LEAST = 4; // pixels: a hand that came so near to t0 wants a switch

const LAMBDA = { key: "lambda", from: "step" };

class Curve {
  constructor(view, parent) {
    this.view = view;
    this.side = view.session.begin.sides[0];
    const box = (this.box = add(parent, "section", { class: "rl-curve", "aria-label": "The schedule" }));
    const top = add(box, "h3", {}, "λ(t): how much the task counts ");
    add(top, "small", {}, this.side.curve ? "drag it" : "");
    const attributes = { role: "group", "aria-label": "lambda over the steps", height: 220 };
    this.plot = new Plot(view, box, { attributes, margin: { top: 20, left: 32 } });
    this.hints = ["the task alone", "the pretraining alone"].map((text) => add(this.plot.axes.parentNode, "text", { class: "rl-hint" }, text));
    this.area = add(this.plot.lines, "path", { class: "rl-area" });
    this.words = add(box, "p", { class: "rl-words" });
    this.handles = {};
    if (this.side.curve) this.grips();
    view.follow(this.plot);
  }

  grips() {
    const { over, svg } = this.plot;
    for (const role of ["t0", "k"]) {
      const key = this.side.curve[role], knob = this.side.knobs.find((each) => each.key === key);
      if (!knob) continue;
      const label = `${knob.label}: ${knob.help || key}`, about = { class: `rl-handle rl-${role}`, "data-key": `handle-${key}` };
      const handle = add(over, "g", { role: "slider", tabindex: 0, "aria-label": label, ...about });
      add(handle, "circle", { r: 22, class: "rl-reach" });
      add(handle, "circle", { r: 15, class: "rl-ring" });
      add(handle, "path", { d: role === "t0" ? shape(0, 0, 0, 9) : shape(1, 0, 0, 10) });
      add(handle, "text", { y: -18, "text-anchor": "middle" }, knob.label);
      this.handles[role] = { knob, handle, values: stops(knob) };
      this.view.on(handle, "keydown", (event) => this.key(event, role));
      this.view.drag(handle, { start: () => this.grab(role), move: (event) => this.pull(role, event), end: () => this.drop() });
    }
    this.view.drag(svg, { start: (event) => this.grab("plane", event), move: (event) => this.pull("plane", event), end: () => this.drop() });
    put(svg, "data-drags", "");
  }

  get values() {
    const { k, t0 } = this.side.curve, own = this.view.session.values[0];
    return { k: own[k], t0: own[t0] };
  }

  grab(role, event) {
    this.held = { role, ...this.values, from: event && { x: event.clientX, y: event.clientY, ...this.plot.at(event) } };
    this.view.session.hold("curve");
  }

  drop() {
    this.held = null;
    this.view.session.release();
  }

  pull(role, event) {
    const here = this.plot.at(event);
    if (role === "plane") return this.slide(event, here);
    if (role === "t0") return this.set("t0", here.step);
    const { t0 } = this.values, side = this.late(t0) ? 1 : -1;
    const away = side * (here.step - t0), share = clamp(0.5 + side * (here.value - 0.5), 0.5, 0.985);
    const close = away < (LEAST / this.plot.width) * this.plot.steps;
    this.set("k", close ? Infinity : Math.log(share / (1 - share)) / away);
  }

  // A hand that took the curve between the handles: sideways it is t0, up and down the slope.
  slide(event, here) {
    const { from, k, t0 } = this.held, across = event.clientX - from.x, up = from.y - event.clientY;
    if (!this.held.way && Math.hypot(across, up) < 5) return;
    this.held.way ||= Math.abs(across) >= Math.abs(up) ? "t0" : "k";
    if (this.held.way === "t0") return this.set("t0", t0 + here.step - from.step);
    const floor = RISE / (4 * this.plot.steps);
    this.set("k", Math.max(Number.isFinite(k) ? k : 1, floor) * Math.exp(up / 40));
  }

  set(role, value) {
    const found = this.handles[role];
    if (!found) return;
    const { knob } = found, high = number(knob.high);
    if (value === Infinity && !knob.infinite) value = high;
    const last = role === "t0" ? Math.min(high, this.plot.steps) : high;
    this.view.session.move(0, { [knob.key]: within(knob, value === Infinity ? value : Math.min(value, last)) }, this.held ? "curve" : knob.key);
  }

  key(event, role) {
    const { knob, values } = this.handles[role], now = this.values[role], { steps } = this.plot;
    const many = event.shiftKey || event.key.startsWith("Page") ? 10 : 1;
    const way = { ArrowRight: 1, ArrowUp: 1, PageUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: -1 }[event.key];
    if (event.key === "Home") this.set(role, values[0]);
    else if (event.key === "End") this.set(role, values.at(-1));
    else if (!way) return;
    else if (role === "t0") this.set(role, now + way * many * Math.max(1, Math.round(steps / 100)));
    else this.set(role, values[clamp(nearest(values, now) + way * many, 0, values.length - 1)]);
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
    put(this.hints[0], "transform", `translate(${plot.margin.left + 6} ${plot.margin.top + 13})`);
    put(this.hints[1], "transform", `translate(${plot.margin.left + 6} ${plot.height - plot.margin.bottom - 6})`);
    if (this.side.curve) this.place();
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
    const corners = all.map(([step, value]) => [plot.x(step), plot.y(value)]);
    const floor = plot.y(0), last = corners.length && corners.at(-1)[0];
    put(this.area, "d", corners.length ? `${path([[corners[0][0], floor], ...corners, [last, floor]])}Z` : "");
  }

  points(lambda, from, to) {
    const count = Math.ceil(clamp(this.plot.width / 2, 2, 240));
    const at = Array.from({ length: count + 1 }, (_, i) => from + ((to - from) * i) / count);
    return at.map((step) => [step, lambda(step)]);
  }

  place() {
    const { plot } = this, { k, t0 } = this.values, { steps } = plot, reach = this.late(t0) ? 1 : -1;
    const lambda = (step) => sigmoid(k, t0, step);
    const away = clamp(RISE / k, (14 / plot.width) * steps, 0.6 * steps), at = clamp(t0 + reach * away, 0, steps);
    const spots = { t0: [clamp(t0, 0, steps), 0.5], k: [at, lambda(at)] };
    for (const [role, { knob, handle, values }] of Object.entries(this.handles)) {
      const [step, value] = spots[role], now = this.values[role];
      put(handle, "transform", `translate(${plot.x(step).toFixed(1)} ${plot.y(value).toFixed(1)})`);
      const scale = role === "t0" ? [number(knob.low), number(knob.high), now] : [0, values.length - 1, nearest(values, now)];
      ["aria-valuemin", "aria-valuemax", "aria-valuenow"].forEach((name, i) => put(handle, name, scale[i]));
      put(handle, "aria-valuetext", [short(now), knob.unit].filter(Boolean).join(" "));
    }
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
    const { k, t0 } = this.values, { steps } = this.plot, lambda = (step) => sigmoid(k, t0, step);
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
