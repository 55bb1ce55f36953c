// A session of the page: the run, what trains beside it on the same batches, and every message of the view. It runs in a
// worker, and looks at its messages every few milliseconds.
(function (global) {
  "use strict";

  const { Refused, given } = global.RecallRecipes;
  const SLICE = 10, FRAME = 16, TELL = 200; // milliseconds: of work, between portions, between states
  const BUSY = ["loading", "running"];
  const SLOWED = "The browser slowed this page while it was hidden.";
  const LAST = "This run has taken its last step. What you set acts in a new one: press Reset.";

  class Session {
    // page: {recipe, beside, how, presets} as page.py writes them, {browser, link} as engine.js does. hand: {tell(message), need(what), link(text)}.
    constructor(about, page, hand) {
      Object.assign(this, { about, page, hand, id: 0, models: [], loaded: {}, waits: {}, seen: {}, how: page.how, coming: false, pace: new global.RecallPace() });
      this.recipes = global.RecallRecipes.make(about);
      this.messages = global.RecallMessages.make(about, this.recipes);
      this.channel = new MessageChannel(); // a turn that no browser makes wait, as it does a timer
      this.channel.port1.onmessage = () => {
        this.coming = false;
        this.pump();
      };
      this.begin(this.recipes.recipe(page.recipe), page.beside && this.recipes.recipe(page.beside), page.how, { quiet: true });
    }

    tell(message) {
      this.hand.tell(message);
    }

    // A message of the view. What is refused is said, and has changed nothing.
    receive(message) {
      const act = this[`on_${message.type}`];
      if (!act) return;
      try {
        act.call(this, message);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const side = message.side || 0, run = this.runs[side];
        this.tell({ type: "refused", side, text: `Refused: ${error.message}`, values: run ? this.messages.values(this.now(run)) : {} });
      }
    }

    // ---- a new run

    // Runs in place of the former ones; nothing trains yet.
    begin(recipe, other, how, { note = "", changes = [[], []], compare = null, quiet = false, held = false } = {}) {
      const { nothing, plain } = this.messages;
      const beside = how === nothing ? [] : [how === plain ? this.recipes.recipe({ ...this.recipes.dict(recipe), method: this.about.plain.name }) : other || recipe];
      this.runs = [recipe, ...beside].map((each, i) => new global.RecallRun.Run(this.recipes, this.about, each, changes[i] || []));
      Object.assign(this, { how, note, compare, held, token: {}, state: "new", error: "", job: null, ready: false, begun: 0, taken: 0, target: 0 });
      this.pace.begin();
      Object.assign(this, { seconds: 0, told: 0, sent: this.runs.map(() => 0), flushed: 0, moved: new Set() });
      recipe.methods.forEach((each) => this.remember(each));
      this.id += 1;
      if (!quiet) this.on_hello();
    }

    remember({ name, values }, live = false) {
      const keep = Object.entries(values).filter(([key]) => !live || this.about.methods[name].settings[key].live);
      this.seen[name] = { ...this.seen[name], ...Object.fromEntries(keep) };
    }

    // The recipe with which the next step is taken; after the last one, what a new run would begin with.
    now(run) {
      return run.wish || run.at(run.final ? Infinity : this.begun + 1);
    }

    // What a new run is to be: as this one stands, but for what is named.
    wanted(setup) {
      const { recipes, about } = this, main = this.now(this.runs[0]), asked = { ...setup };
      main.methods.forEach((each) => this.remember(each, true));
      const how = asked.beside === undefined ? this.how : asked.beside;
      if (![this.messages.nothing, this.messages.plain, this.messages.other].includes(how)) throw new Refused(`beside is ${JSON.stringify(how)}, which there is not`);
      const chosen = asked.method === undefined ? main.methods : recipes.parse(asked.method).map(({ name, values }) => ({ name, values: { ...values, ...this.seen[name] } }));
      delete asked.beside;
      delete asked.method;
      const parts = Object.fromEntries(Object.entries(asked).filter(([key]) => key in about.recipe));
      const settings = Object.fromEntries(Object.entries(asked).filter(([key]) => !(key in about.recipe)));
      if (parts.steps !== undefined && parts.steps !== main.steps && parts.evaluate_every === undefined) {
        parts.evaluate_every = Math.max(1, Math.round((main.evaluate_every * parts.steps) / main.steps));
      }
      const recipe = recipes.set(recipes.recipe({ ...recipes.dict(main), ...parts, methods: chosen }), settings);
      const common = Object.fromEntries(["task", "steps", "batch_size", "seed", "evaluate_every"].map((key) => [key, recipe[key]]));
      const beside = this.how === this.messages.other && this.runs[1] ? recipes.set(this.now(this.runs[1]), common) : recipe;
      return [recipe, how === this.messages.other ? beside : null, how];
    }

    renew(setup, options) {
      const [recipe, other, how] = this.wanted(setup);
      this.begin(recipe, other, how, options);
      this.linked();
    }

    // ---- messages

    on_hello() {
      const sides = this.runs.map((run) => run.recipe);
      const can = this.about.can.filter((each) => each !== "link" || this.page.link); // another lab's address is no link to this one
      this.tell(this.messages.begin(sides, this.how, { id: this.id, note: this.note, presets: this.page.presets, can }));
      this.runs.forEach((run, side) => {
        if (run.changes.length) this.tell({ type: "changes", side, changes: run.changes });
        this.knobs(side);
        if (run.history.length) this.tell({ type: "records", side, rows: run.rows() });
        run.evaluations.forEach((each) => this.tell(run.told(side, each)));
        this.sent[side] = run.history.length;
      });
      this.say();
    }

    on_start() {
      if (this.state === "done" || this.state === "failed") this.renew({});
      this.go(this.runs[0].recipe.steps);
    }

    on_step({ steps = 1 }) {
      if (!Number.isSafeInteger(steps) || steps < 1) throw new Refused(`steps is ${JSON.stringify(steps)}; it has to be a whole number of at least 1`);
      if (this.state === "done" || this.state === "failed") throw new Refused("this run has ended; press Reset for a new one");
      this.go(Math.min(this.runs[0].recipe.steps, this.begun + steps));
    }

    on_pause() {
      if (this.state === "running") this.target = this.begun;
    }

    on_reset({ setup = {}, start = false }) {
      this.renew(setup);
      if (start) this.on_start();
    }

    on_again() {
      this.renew({ seed: (this.now(this.runs[0]).seed + 1) % 2 ** 32 });
      this.on_start();
    }

    on_set({ side = 0, values }) {
      const run = this.runs[side];
      if (this.state === "closed") throw new Refused("this lab was closed");
      if (!run) throw new Refused("nothing trains beside it");
      const asked = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, given(value)])), next = this.begun + 1;
      if (run.final || next > run.recipe.steps) {
        run.wish = this.recipes.changed(this.now(run), asked);
      } else if (!this.begun && !this.ready && !run.changes.length) {
        run.recipe = this.recipes.changed(run.recipe, asked);
        if (side === 0 && this.how === this.messages.plain && "lr" in asked) this.runs[1].recipe = this.recipes.set(this.runs[1].recipe, { lr: asked.lr });
      } else {
        run.changes = this.recipes.note(run.recipe, run.changes, next, asked);
        this.moved.add(side);
      }
      this.knobs(side);
      if (this.state !== "running") this.flush(true);
      this.say();
      this.linked();
    }

    on_preset({ name }) {
      const found = (this.page.presets || []).find((each) => each.name === name);
      if (!found) throw new Refused(`preset is ${JSON.stringify(name)}, which there is not`);
      const how = this.how === this.messages.other ? this.messages.plain : this.how;
      this.begin(this.recipes.recipe(found.recipe), null, how, { note: found.story });
      this.linked();
      this.on_start();
    }

    on_save({ name = "" }) {
      const [run] = this.runs;
      if (!run.evaluations.length) throw new Refused("there is nothing to save before the first step; press Start or Step first");
      const file = `${String(name).replace(/\.json$/, "").replace(/[^\w .-]/g, "_").trim() || "run"}.json`;
      this.tell({ type: "saved", name: file, text: run.json(global.RecallLink.environment(this, run)) });
    }

    // A run of a file: its recipe and its changes, and whether the losses are the same.
    on_open({ text }) {
      const { recipe, changes, history, environment } = global.RecallLink.file(text, this.recipes);
      const how = this.how === this.messages.nothing ? this.how : this.messages.plain;
      this.begin(recipe, null, how, { note: "A recorded run, taken again.", changes: [changes], compare: { history, environment } });
      this.linked();
      this.on_start();
    }

    on_cancel() {
      if (this.state !== "loading") return;
      this.token = {};
      this.state = "new";
      this.say();
    }

    on_close() {
      this.token = {};
      this.target = 0;
      this.job = null;
      this.state = "closed";
      this.say();
    }

    // ---- loading

    go(target) {
      if (this.state === "closed") throw new Refused("this lab was closed; load the page again");
      this.target = target;
      if (!this.begun) this.linked();
      this.train();
    }

    async train() {
      if (BUSY.includes(this.state)) return;
      const token = (this.token = {});
      if (!this.ready) {
        this.state = "loading";
        this.say();
        try {
          const found = await this.load();
          if (token !== this.token) return;
          this.compared(found);
          this.job = this.work(found);
        } catch (error) {
          if (token === this.token) this.fail(error.message);
          return;
        }
      }
      this.state = "running";
      this.last = performance.now();
      this.pace.begin(this.last, this.taken);
      this.say();
      this.turn();
    }

    async load() {
      const { task } = this.runs[0].recipe;
      const held = this.runs.some(({ recipe }) => this.recipes.needs(recipe, "source fisher"));
      const [data, fisher] = await Promise.all([this.asset("data"), held ? this.asset("fisher") : null]);
      return { data, fisher, task: await global.RecallUnpack.task(data, task) };
    }

    // What a script beside the page holds; asked for once.
    asset(what) {
      if (!this.loaded[what]) {
        const arrived = new Promise((resolve, reject) => (this.waits[what] = { resolve, reject }));
        this.hand.need(what);
        this.loaded[what] = arrived.then((packed) => global.RecallUnpack[what](packed));
        this.loaded[what].catch(() => delete this.loaded[what]);
      }
      return this.loaded[what];
    }

    // It has come, or cannot.
    arrived(what, packed, why) {
      if (packed) this.waits[what].resolve(packed);
      else this.waits[what].reject(new Error(why));
    }

    // A file that is taken again has to be of these weights and this data.
    compared({ data, fisher }) {
      const { environment = {} } = this.compare || {}, { task } = this.runs[0].recipe;
      if (environment.anchors && environment.anchors !== data.environment.anchors) throw new Error("the file's run began at other pretrained weights than the page has");
      if (environment.data && environment.data !== data.tasks[task].digest) throw new Error(`the file's ${task} holds other examples than the page has`);
      if (fisher && environment.fisher && environment.fisher.tensors !== fisher.about.tensors) throw new Error("the file's run was held by another Fisher than the page has");
    }

    // The page was hidden, or is seen again.
    looked(hidden) {
      this.pace.looked(hidden, performance.now(), this.taken, this.state === "running");
    }

    // ---- training

    // All that is left to do up to the target; it yields every few milliseconds.
    *work({ data, task, fisher }) {
      for (const [i, run] of this.runs.entries()) {
        this.models[i] = this.models[i] || new global.RecallModel(data.module, data.layout, data.weights);
        yield* run.begin(this.models[i], data, task, fisher);
      }
      Object.assign(this, { ready: true, data, fisher: fisher && fisher.about });
      yield* this.evaluate(0);
      const { steps, evaluate_every } = this.runs[0].recipe;
      while (this.taken < steps) {
        if (this.taken >= this.target) {
          yield "pause";
          continue;
        }
        const step = (this.begun = this.taken + 1);
        this.runs.forEach((run, side) => run.changes.some((each) => each.step === step + 1) && this.knobs(side)); // recorded, and next
        for (const run of this.runs) {
          if (!run.take(step)) return this.fail(run.stopped.why);
          yield;
        }
        this.taken = step;
        if (step % evaluate_every === 0 || step === steps) yield* this.evaluate(step);
      }
      return this.finish();
    }

    *evaluate(step) {
      const [first] = this.runs;
      this.flush();
      for (const [side, run] of this.runs.entries()) {
        const same = side && step === 0 && run.recipe.init === first.recipe.init && run.recipe.seed === first.recipe.seed;
        const made = same ? run.keep(structuredClone(first.evaluations[0])) : yield* run.evaluate(step, this.messages.probes(run.recipe));
        if (!made) return this.fail(run.stopped.why);
        this.tell(run.told(side, made));
      }
      return null;
    }

    pump() {
      if (this.state !== "running" || !this.job) return;
      const until = performance.now() + SLICE;
      let now = performance.now(), paused = false;
      try {
        while (now < until && this.state === "running" && !paused) {
          paused = this.job.next().value === "pause";
          now = performance.now();
        }
      } catch (error) {
        this.fail(error.message);
        return;
      }
      this.seconds += (now - this.last) / 1000;
      this.last = now;
      if (this.state !== "running") return;
      if (paused) this.state = "paused";
      if (paused || now - this.flushed >= FRAME) this.flush();
      if (paused || now - this.told >= TELL) this.say();
      if (!paused) this.turn();
    }

    // Go on after what has come meanwhile; one such turn at a time.
    turn() {
      if (!this.coming) this.channel.port2.postMessage(0);
      this.coming = true;
    }

    // What a side's knobs stand at.
    knobs(side) {
      this.tell({ type: "knobs", side, values: this.messages.values(this.now(this.runs[side])) });
    }

    // Send what is new.
    flush() {
      this.flushed = performance.now();
      this.runs.forEach((run, side) => {
        if (this.moved.has(side)) this.tell({ type: "changes", side, changes: run.changes });
        if (run.history.length > this.sent[side]) this.tell({ type: "records", side, rows: run.rows(this.sent[side]) });
        this.sent[side] = run.history.length;
      });
      this.moved.clear();
    }

    // The state; steps a second and the seconds that are left while it trains.
    say() {
      const now = performance.now(), { steps } = this.runs[0].recipe;
      this.told = now;
      const { speed, left } = this.state === "running" ? this.pace.told(now, this.taken, steps) : this.pace.still();
      this.tell({ type: "state", state: this.state, step: this.taken, speed, left, text: this.words(), error: this.error });
    }

    // What to say of where it is.
    words() {
      if (this.state === "loading") return "The model and its data are on their way.";
      if (this.state === "running" && !this.ready && this.runs.some(({ recipe }) => this.recipes.needs(recipe, "task fisher"))) return "Measuring which weights matter for the task.";
      if (this.runs.some((run) => run.wish)) return LAST;
      if (this.state === "new" && this.held) return global.RecallLink.told(this);
      if (this.state === "running" && this.pace.slowed) return SLOWED;
      return this.runs.map((run) => this.recipes.advice(this.now(run))).find(Boolean) || "";
    }

    fail(why) {
      this.job = null;
      this.state = "failed";
      this.error = why;
      this.flush();
      this.say();
    }

    finish() {
      const [run] = this.runs;
      for (const each of this.runs) each.final = { ...each.evaluations[each.evaluations.length - 1], seconds: Math.round(10 * this.seconds) / 10 };
      this.job = null;
      this.state = "done";
      this.flush();
      if (this.compare) {
        const gaps = this.compare.history.map((each, i) => Math.abs(each.loss - run.history[i].loss));
        this.tell({ type: "compared", steps: gaps.length, worst: Math.max(0, ...gaps) });
      }
      this.say();
    }

    // ---- the address

    linked() {
      this.hand.link(global.RecallLink.write(this));
    }
  }

  global.RecallSession = Session;
})(typeof globalThis === "undefined" ? self : globalThis);
