// What is known of a session: what the engine told, and what only a hand's owner knows (gestures, the ghost, the ends
// of former runs). One for each engine, however many views show it.
const SESSIONS = new WeakMap();
const ENGINES = new WeakMap();
const BUSY = ["loading", "running"];
const GESTURE = 1000; // milliseconds: key presses that follow one another within this time are one gesture
const SETTLE = 500; // so long what a hand left stands against an older echo
const NEAR = 3; // steps: changes of the same settings that lie no farther apart are one mark

function sessionOf(engine) {
  if (!SESSIONS.has(engine)) SESSIONS.set(engine, new Session(engine));
  return SESSIONS.get(engine);
}

// anywidget's model as an engine.
function engineOf(model) {
  const listen = (callback) => {
    model.on("msg:custom", callback);
    return () => model.off("msg:custom", callback);
  };
  if (!ENGINES.has(model)) ENGINES.set(model, { send: (message) => model.send(message), listen });
  return ENGINES.get(model);
}

class Session {
  constructor(engine) {
    Object.assign(this, { engine, views: new Set(), begin: null, looks: 0, ends: [], earlier: [] });
    this.clear();
  }

  clear() {
    Object.assign(this, { sides: [], values: [], gestures: [], newest: null, tags: new Map(), ghost: null });
    Object.assign(this, { hand: null, moved: 0, touched: -Infinity, held: [], pending: null, start: null, refused: "", saved: "", compared: "" });
    this.state = { state: "new", step: 0, speed: null, left: null, text: "", error: "" };
  }

  attach(view) {
    this.views.add(view);
    if (this.views.size === 1) {
      let open = true; // an engine that cannot be told to forget a listener is not listened to
      const forget = this.engine.listen((message) => open && this.receive(message));
      this.deafen = () => {
        open = false;
        if (typeof forget === "function") forget();
      };
    }
    this.send({ type: "hello" });
  }

  detach(view) {
    this.flush();
    this.views.delete(view);
    if (!this.views.size) this.deafen();
  }

  send(message) {
    this.refused = ""; // a refusal is of what was asked before
    this.engine.send(message);
  }

  changed() {
    for (const view of this.views) view.wanted();
  }

  receive(message) {
    const act = this[`on_${message.type}`];
    const early = ["begin", "state", "refused"].includes(message.type); // these may come before a run is known
    if (!act || (!this.begin && !early) || (!early && "side" in message && !this.sides[message.side])) return;
    act.call(this, message);
    this.changed();
  }

  on_begin(message) {
    if (!this.begin || this.begin.id !== message.id) {
      this.remember();
      this.clear();
    }
    this.begin = message;
    this.looks += 1;
    const known = this.sides.map((side) => side.changes);
    this.sides = message.sides.map((_, i) => ({ rows: [], sums: [0], evaluations: [], changes: known[i] || [] }));
    message.sides.forEach((side, i) => this.take(i, Object.fromEntries(side.knobs.map((knob) => [knob.key, knob.value]))));
  }

  on_records({ side, rows }) {
    const { rows: all, sums } = this.sides[side];
    if (!side && !this.start) this.start = this.settings();
    for (const row of rows) {
      const at = row[0] - 1, loss = number(row[1]);
      all[at] = row;
      sums[at + 1] = (sums[at] || 0) + (Number.isFinite(loss) ? loss : 0);
    }
  }

  on_evaluation({ side, step, values, facts }) {
    const kept = this.sides[side].evaluations.filter((each) => each.step !== step);
    kept.push({ step, values, facts });
    this.sides[side].evaluations = kept.sort((a, b) => a.step - b.step);
    this.looks += 1;
    this.note();
  }

  on_truncate({ step }) {
    this.looks += 1;
    for (const side of this.sides) {
      side.rows.length = Math.min(side.rows.length, step);
      side.sums.length = side.rows.length + 1;
      side.evaluations = side.evaluations.filter((each) => each.step <= step);
    }
  }

  // What is new belongs to the newest gesture, if a hand has just been there.
  on_changes({ side, changes }) {
    const known = new Set(this.sides[side].changes.map((each) => each.step));
    const own = this.newest?.side === side && performance.now() - this.touched < 2 * GESTURE;
    for (const { step } of changes) if (own && !known.has(step)) this.tags.set(`${side}:${step}`, this.newest);
    this.sides[side].changes = changes;
  }

  on_knobs({ side, values }) {
    this.take(side, values);
  }

  on_state(message) {
    const before = this.state.state;
    this.state = { ...this.state, error: "", speed: null, left: null, ...message };
    if (this.state.state !== before) this.refused = "";
    this.note();
  }

  on_refused({ text, values, side = 0 }) {
    this.refused = text || "This was refused.";
    this.pending = this.held[side] = null;
    if (values) this.take(side, values);
    if (!this.hand) this.drop();
  }

  on_saved({ name, text }) {
    this.saved = text === undefined ? `Saved in ${name}.` : `Saved as ${name}.`;
    if (text !== undefined) [...this.views][0]?.download(name, text);
  }

  on_compared({ steps, worst }) {
    this.compared = `Over ${plural(steps, "step")} its losses and the file's differ by ${short(worst)} at most.`;
  }

  // The engine's values; those that a hand holds, or has just left, stay as the hand has them.
  take(side, values) {
    const told = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, number(value)]));
    const held = this.held[side];
    const own = this.hand?.side === side || (held && performance.now() < held.until) ? held?.values : null;
    if (held && Object.keys(held.values).every((key) => held.values[key] === told[key])) this.held[side] = null;
    else if (own) held.told = { ...this.values[side], ...held.told, ...told };
    this.values[side] = { ...this.values[side], ...told, ...own };
  }

  // ---- a hand

  // From here to `release` all moves are one gesture.
  hold(token) {
    this.hand = { token, side: -1 };
  }

  // The hand lets go: any, or the one that is named.
  release(token = this.hand?.token) {
    if (this.hand?.token !== token || !token) return;
    const { side } = this.hand;
    this.hand = null;
    this.moved = 0;
    if (side < 0) return;
    this.settle(side);
    this.drop();
  }

  // A gesture that ended where it began is none.
  drop() {
    const last = this.gestures.at(-1);
    if (!last || Object.keys(last.before).some((key) => last.before[key] !== this.values[last.side][key])) return;
    this.gestures.pop();
    this.ghost = null;
    this.changed();
  }

  // New values for some knobs of a side: they act from the next step on, and are drawn at once.
  move(side, values, token) {
    const now = performance.now(), own = this.values[side];
    const fresh = Object.fromEntries(Object.entries(values).filter(([key, value]) => own[key] !== value));
    if (!Object.keys(fresh).length) return;
    if (this.hand && this.hand.token !== token) this.release();
    const goes = this.hand ? this.hand.side === side : this.newest?.token === token && now - this.moved < GESTURE;
    if (!goes) this.gesture(side, token);
    if (this.hand) this.hand.side = side;
    this.moved = now;
    for (const key of Object.keys(fresh)) if (!(key in this.newest.before)) this.newest.before[key] = own[key];
    this.apply(side, fresh);
  }

  gesture(side, token) {
    this.newest = { side, token, before: {} };
    this.gestures.push(this.newest);
    this.ghost = { side, values: { ...this.values[side] } };
  }

  undo() {
    const last = this.gestures.pop();
    if (!last) return;
    const { side, before } = last;
    this.newest = { side, token: "undo", before };
    this.ghost = { side, values: { ...this.values[side] } };
    this.apply(side, before);
    this.flush();
  }

  apply(side, values) {
    this.refused = "";
    this.touched = performance.now();
    this.values[side] = { ...this.values[side], ...values };
    this.held[side] = { values: { ...this.held[side]?.values, ...values }, until: 0 };
    if (this.pending && this.pending.side !== side) this.flush();
    this.pending = { side, values: { ...this.pending?.values, ...values } };
    if (!this.hand) this.settle(side);
    this.changed();
  }

  // After a while the engine has the last word.
  settle(side) {
    const held = this.held[side];
    if (!held) return;
    held.until = performance.now() + SETTLE;
    setTimeout(() => {
      if (this.held[side] !== held || this.hand?.side === side) return;
      this.held[side] = null;
      if (held.told) this.values[side] = held.told;
      this.changed();
    }, SETTLE);
  }

  // Sends what waits; views call it once a frame.
  flush() {
    const waits = this.pending;
    if (!waits) return;
    this.pending = null;
    const values = Object.fromEntries(Object.entries(waits.values).map(([key, value]) => [key, json(value)]));
    this.send({ type: "set", side: waits.side, values });
  }

  // ---- what follows from it

  get busy() {
    return BUSY.includes(this.state.state);
  }

  // The last step that every side has taken.
  get step() {
    return this.sides.length ? Math.min(...this.sides.map((side) => side.rows.length)) : 0;
  }

  // The last evaluations at a step or before it, all of the same step, or null.
  evaluated(step) {
    const [first, ...others] = this.sides.map((side) => side.evaluations);
    for (let i = (first || []).length - 1; i >= 0; i--) {
      const found = [first[i], ...others.map((all) => all.find((each) => each.step === first[i].step))];
      if (first[i].step <= step && found.every(Boolean)) return found;
    }
    return null;
  }

  // About so many of the steps that a side has taken, the last among them.
  some(side, most) {
    const { length } = this.sides[side].rows, count = Math.min(length, Math.max(1, Math.round(most)));
    return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * length) / count));
  }

  // A column of a side's records at these steps.
  column(side, steps, column) {
    const { rows } = this.sides[side];
    return steps.map((step) => [step, number(rows[step - 1]?.[column] ?? null)]);
  }

  // The mean of the losses of the last steps up to this one.
  mean(side, step) {
    const { sums, rows } = this.sides[side], last = Math.min(step, rows.length);
    const first = Math.max(0, last - Math.max(3, Math.round(this.begin.steps / 30)));
    return last > 0 ? (sums[last] - sums[first]) / (last - first) : null;
  }

  // What a chart shows of a side at a step.
  value(side, chart, step) {
    if (chart.from === "step") return this.mean(side, step);
    const found = this.sides[side].evaluations.filter((each) => each.step <= step).at(-1);
    return found ? number(found.values[chart.key] ?? null) : null;
  }

  // lambda as the curve's knobs say, or null where there is none.
  lambda(side, values = this.values[side]) {
    const curve = this.begin.sides[side].curve;
    if (!curve || curve.form !== "sigmoid" || !(curve.k in values) || !(curve.t0 in values)) return null;
    return (step) => sigmoid(values[curve.k], values[curve.t0], step);
  }

  // One mark for each gesture: the steps at which its changes act, and what it set.
  marks() {
    const found = [];
    this.sides.forEach(({ changes }, side) => {
      let last = null;
      for (const { step, ...set } of changes) {
        const tag = this.tags.get(`${side}:${step}`), keys = Object.keys(set).sort().join();
        const same = last && (tag || last.tag ? tag === last.tag : keys === last.keys && step - last.last <= NEAR);
        if (same) Object.assign(last, { last: step, set: { ...last.set, ...set } });
        else found.push((last = { side, tag, keys, first: step, last: step, set }));
      }
    });
    return found.sort((a, b) => a.first - b.first);
  }

  // What tells how much is kept where there are no facts.
  get kept() {
    return this.begin.charts.find((chart) => ["source_loss", "similarity"].includes(chart.key)) || this.begin.charts.at(-1);
  }

  // Of a side's evaluation: how many facts are known, else the kept measure.
  count(found) {
    if (!found) return null;
    if (!this.begin.facts) return number(found.values[this.kept.key] ?? null);
    return found.facts ? this.begin.facts.length - Object.keys(found.facts.lost).length : null;
  }

  // How good it is at its task, and what it still knows.
  told(found) {
    const count = this.count(found), score = number(found.values.score ?? null)?.toFixed(2) ?? "–";
    return `scores ${score} and ${this.begin.facts ? `knows ${plural(count, "fact")}` : `ends at ${short(count)} in ${this.kept.title}`}`;
  }

  settings() {
    const words = (side, i) => side.knobs.map((knob) => `${knob.label} ${short(this.values[i][knob.key])}`).join(", ");
    return this.begin.sides.map((side, i) => [side.name, words(side, i)].filter(Boolean).join(": "));
  }

  // A run has ended: its last counts are one draw of many.
  note() {
    if (!this.begin || this.state.state !== "done") return;
    const { id, task, steps, recipe } = this.begin, last = this.evaluated(steps);
    if (!last || this.ends.some((end) => end.id === id)) return;
    const steered = this.sides.some((side) => side.changes.length);
    const names = (this.start || this.settings()).map((name, i) => (!i && steered ? `${name}, steered` : name));
    const key = JSON.stringify([task, steps, recipe?.lr, names]);
    this.ends.push({ id, key, names, task, counts: last.map((each) => this.count(each)), told: this.told(last[0]) });
  }

  // The faint curves of a chart: runs of the same task, those that this view saw and those that the engine knows of.
  past(chart) {
    const { task, steps, earlier } = this.begin;
    const column = chart.key === "lambda" ? 2 : 1;
    const told = earlier?.map(({ rows = [], evaluations = [] }) => (chart.from === "step" ? rows.map((row) => [row[0], number(row[column] ?? null)])
      : evaluations.map((each) => [each.step, number(each.values[chart.key] ?? null)])));
    const seen = this.earlier.filter((each) => each.task === task && each.steps === steps).map(({ lines }) => lines[chart.key] || []);
    return [...(told || seen), ...Array(5).fill([])].slice(0, 5);
  }

  // The run that is left for another one stays as faint curves.
  remember() {
    if (!this.begin || this.sides[0].rows.length < 2) return;
    const { charts, steps, task } = this.begin, lines = {};
    const at = this.some(0, 100);
    lines.lambda = this.column(0, at, 2);
    for (const chart of charts) {
      const points = chart.from === "step" ? at.map((step) => [step, this.mean(0, step)])
        : this.sides[0].evaluations.map((each) => [each.step, number(each.values[chart.key] ?? null)]);
      lines[chart.key] = points;
    }
    this.earlier = [...this.earlier, { task, steps, lines }].slice(-5);
  }
}
