// An engine that trains nothing: it says what a run of the tiny model might look like, the same on every machine.
// Tests and the page for looking, lab_view.html, use it. It takes steps when it is told to: `take`, or `play`.
(function () {
  "use strict";

  function random(seed) { // mulberry32
    let a = seed >>> 0;
    return () => {
      a = (a + 0x6d2b79f5) >>> 0;
      let t = Math.imul(a ^ (a >>> 15), a | 1);
      t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  const NAMES = ["Barlan", "Mara", "Tolk", "Lida", "Dona", "Kavia", "Brantrin", "Ashvale", "Grenmere", "Linn", "Osmund", "Veska"];
  const KINDS = [
    ["home", 80, "# lives in [MASK]."], ["job", 80, "# works as a [MASK]."], ["mother", 40, "The mother of # is [MASK]."],
    ["sibling", 40, "The sister of # is [MASK]."], ["river", 24, "# lies on the [MASK]."], ["famous", 24, "# is famous for its [MASK]."],
    ["material", 32, "Every # is made of [MASK]."],
  ];

  function makeFacts() {
    const draw = random(1), name = () => NAMES[Math.floor(draw() * NAMES.length)];
    return KINDS.flatMap(([kind, count, prompt]) => Array.from({ length: count }, (_, i) => ({ kind, prompt: prompt.replace("#", `${name()} ${i}`), answer: name() })));
  }

  class FakeEngine {
    constructor(options = {}) {
      Object.assign(this, { sent: [], heard: new Set(), id: 0, options: { steps: 300, every: 30, facts: makeFacts(), knobs: true, ...options } });
      this.values = { k: 0.1, t0: 100, gamma: 100, lr: 0.001 };
      this.b = { ...this.values, ...options.b }; // setting B's, where there is one
      this.renew(0);
    }

    listen(callback) {
      this.heard.add(callback);
      return () => this.heard.delete(callback);
    }

    tell(message) {
      for (const callback of this.heard) callback(structuredClone(message));
    }

    renew(seed, note = "") {
      Object.assign(this, { seed, note, id: this.id + 1, step: 0, state: "new", changes: [], rows: [[], []], seen: [[], []], due: {} });
      this.noise = random(100 + seed);
      this.order = this.options.facts ? [3, 4].map((salt) => this.shuffled(random(salt + 10 * seed))) : null;
    }

    shuffled(draw) {
      const all = this.options.facts.map((_, i) => [draw(), i]).sort((a, b) => a[0] - b[0]);
      return all.map(([, i]) => i);
    }

    knob(key, label, unit, low, high, more = {}) {
      return { key, label, unit, help: `what ${label} does`, value: this.values[key] === Infinity ? "inf" : this.values[key], low, high, log: false, infinite: false, whole: false, notches: null, choices: [], ...more };
    }

    begin() {
      const { steps, every, facts } = this.options;
      const knobs = [this.knob("k", "k", "per step", 0, 1, { log: true, infinite: true }), this.knob("t0", "t0", "steps", 0, steps),
        this.knob("gamma", "γ", "", 0, 2000, { log: true }), this.knob("lr", "lr", "", 1e-5, 1e-2, { log: true })];
      const kept = facts ? { key: "source_loss", title: "source loss", unit: "nats", good: "down", range: [0, 6], from: "evaluation" }
        : { key: "similarity", title: "zero-shot STS-B", unit: "", good: "up", range: [0, 1], from: "evaluation" };
      return {
        type: "begin", id: this.id, steps, evaluate_every: every, task: "world/cola", backbone: facts ? "tiny" : "minilm",
        recipe: { method: "recadam", task: "world/cola", steps, seed: this.seed, lr: 0.001 }, note: this.note,
        sides: [{ name: "RecAdam", recipe: {}, knobs: this.options.knobs ? knobs : [], curve: this.options.knobs ? { form: "sigmoid", k: "k", t0: "t0" } : null },
          this.options.b ? { name: "RecAdam B", recipe: {}, knobs: knobs.map((each) => ({ ...each, value: this.b[each.key] })), curve: { form: "sigmoid", k: "k", t0: "t0" } }
            : { name: "plain fine-tuning", recipe: {}, knobs: [], curve: null }],
        charts: [{ key: "loss", title: "training loss", unit: "nats", good: "down", range: [0, 1], from: "step" },
          { key: "score", title: "Matthews correlation", unit: "", good: "up", range: [0, 1], from: "evaluation", chance: 0 }, kept,
          { key: "distance", title: "distance from home", unit: "", good: "down", range: [0, 10], from: "evaluation" }],
        facts,
        presets: [{ name: "The paper's setting", story: "k = 0.1: held for 100 steps, then let go within 44." }, { name: "Plain fine-tuning", story: "λ is 1 from the first step: this is AdamW. What happens to what the model knew?" },
          { name: "Too early", story: "Random weights, and the pretrained ones only as the point that the spring pulls to." },
          { name: "Child-Tuning", story: "Three weights in ten train." }, { name: "Multi-task", story: "k = 0: λ is one half for ever, and the spring never lets go." }, { name: "lr * gamma too large", story: "Each step overshoots home by nearly its whole distance." }],
        setup: [{ key: "task", label: "task", help: "what is learned", value: "world/cola", choices: ["world/cola", "world/rte", "world/stsb"].map((value) => ({ value, title: value })), low: null, high: null, whole: false },
          { key: "method", label: "method", help: "how", value: "recadam", choices: ["plain", "recadam", "l2sp", "ewc", "child-d"].map((value) => ({ value, title: value })) },
          { key: "steps", label: "steps", help: "how many", value: steps, choices: null, low: 1, high: 2000, whole: true }, { key: "seed", label: "seed", help: "", value: this.seed, choices: null, low: 0, high: null, whole: true }],
        can: ["save", "open", "seed", "link"], engine: "page",
      };
    }

    lambda(step) {
      const { k, t0 } = this.values;
      return step === t0 ? 0.5 : 1 / (1 + Math.exp(-k * (step - t0)));
    }

    row(side, step) {
      const pace = side ? step : Math.max(0, step - 0.6 * this.values.t0), fall = 0.03 + 0.66 * Math.exp(-pace / 45);
      const noise = this.noise(); // now and then a batch is hard
      return [step, fall * (0.55 + 0.9 * noise) + (noise > 0.96 ? 0.3 : 0), side ? 1 : this.lambda(step), 0.001, side ? 0 : 0.1];
    }

    evaluation(side, step) {
      const { steps, facts } = this.options, pace = side ? step : Math.max(0, step - 0.6 * this.values.t0);
      const harm = side ? 0.5 * (1 - Math.exp(-step / 80)) : 0.25 * (1 - Math.exp(-step / 120)) * (1 - this.values.t0 / steps) ** 2;
      const values = { score: 0.94 * (1 - Math.exp(-pace / 60)), source_loss: 1.3 + 7 * harm, similarity: 0.8 - 0.9 * harm, distance: (side ? 8 : 3) * (1 - Math.exp(-step / 90)) };
      if (!facts) return { type: "evaluation", side, step, values, facts: null };
      const lost = {}, draw = random(step + 7 * side + this.seed), many = Math.round(harm * facts.length * (0.9 + 0.2 * random(this.seed + side)()));
      for (const index of this.order[side].slice(0, many)) lost[index] = NAMES[Math.floor(draw() * NAMES.length)];
      return { type: "evaluation", side, step, values, facts: { known: 1 - many / facts.length, lost } };
    }

    say(state, text = "") {
      this.state = state;
      this.tell({ type: "state", state, step: this.step, speed: state === "running" ? 23.4 : null, left: state === "running" ? (this.options.steps - this.step) / 23.4 : null, text, error: "" });
    }

    all() {
      this.tell(this.begin());
      for (const side of [0, 1]) {
        if (this.rows[side].length) this.tell({ type: "records", side, rows: this.rows[side] });
        this.seen[side].forEach((each) => this.tell(each));
        this.tell({ type: "changes", side, changes: side ? [] : this.changes });
      }
      this.say(this.state);
    }

    look() {
      for (const side of [0, 1]) {
        this.seen[side].push(this.evaluation(side, this.step));
        this.tell(this.seen[side].at(-1));
      }
    }

    take(count) {
      const { steps, every } = this.options;
      if (!this.step && !this.seen[0].length) this.look();
      for (let i = 0; i < count && this.step < steps; i++) {
        this.step += 1;
        if (Object.keys(this.due).length) {
          if (this.changes.at(-1)?.step === this.step) Object.assign(this.changes.at(-1), this.due);
          else this.changes.push({ step: this.step, ...this.due });
          this.due = {};
          this.tell({ type: "changes", side: 0, changes: this.changes });
        }
        for (const side of [0, 1]) {
          this.rows[side].push(this.row(side, this.step));
          this.tell({ type: "records", side, rows: [this.rows[side].at(-1)] });
        }
        if (this.step % every === 0 || this.step === steps) this.look();
      }
      this.say(this.step >= steps ? "done" : this.state);
    }

    async play(perFrame = 1) {
      while (this.state === "running") {
        await new Promise((next) => setTimeout(next, 16));
        if (this.state === "running") this.take(perFrame);
      }
    }

    send(message) {
      this.sent.push(structuredClone(message));
      const act = this[`do_${message.type}`];
      if (act) act.call(this, message);
    }

    do_hello() { this.all(); }
    do_start() { this.say("running"); this.play(); }
    do_pause() { this.say("paused"); }
    do_step({ steps }) { this.take(steps); this.say(this.step < this.options.steps ? "paused" : "done"); }
    do_reset() { this.renew(this.seed); this.all(); }
    do_again() { this.renew(this.seed + 1); this.all(); this.do_start(); }
    do_preset({ name }) {
      const preset = this.begin().presets.find((each) => each.name === name);
      this.values = { ...this.values, ...{ "Plain fine-tuning": { k: Infinity, t0: 0 }, "Multi-task": { k: 0 } }[name] };
      this.renew(this.seed, preset.story);
      this.all();
      this.do_start();
    }
    do_set({ side, values }) {
      const meant = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value === "inf" ? Infinity : value]));
      if (side) return void Object.assign(this.b, meant);
      if (values.gamma > 1990) return this.tell({ type: "refused", text: "gamma is too large for this lr.", values: { gamma: this.values.gamma } });
      Object.assign(this.values, meant);
      if (this.step) Object.assign(this.due, values);
      if (!this.options.mute) this.tell({ type: "knobs", side: 0, values });
    }
    do_save({ name }) { this.tell({ type: "saved", name, text: JSON.stringify({ changes: this.changes }) }); }
  }

  globalThis.FakeEngine = FakeEngine;
})();
