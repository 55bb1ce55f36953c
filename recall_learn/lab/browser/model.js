/* The kernel from JavaScript: memory as arrays, batches without padding, a step of any method; refusals in words.
 *
 *   const module = await RecallModel.compile(bytes);
 *   const model = new RecallModel(module, layout, weights);  // layout: layout.py's; weights: Float32Array, as it says
 *   model.begin({ outputs: 2, seed: 0 });                     // theta*, and a pooler and a classifier of that seed
 *   const next = model.order(0, rows.length, 16);             // next() gives the 16 examples of the next step
 *   model.step(next().map((i) => rows[i]), { t: 1, lr: 1e-3, clip: 1, weightDecay: 0,
 *     methods: [{ name: "recadam", k: 0.05, t0: 150, gamma: 100, algorithm: "paper" }] });
 *
 * A row is { ids, types, label }, or for a cloze { ids, types, place, word }. ids and types are arrays of whole numbers
 * (without types all are 0), place is where [MASK] is in ids. One RecallModel is one model; a twin is a second one of
 * the same module. Every number of a run is made in the module. A classic script, for a worker, a page or Node.
 */
"use strict";

globalThis.RecallModel = class RecallModel {
  /** The methods that can act, and the settings that each has to be given; k may be Infinity. */
  static METHODS = {
    recadam: ["k", "t0", "gamma"],
    l2sp: ["gamma", "beta"],
    ewc: ["gamma"],
    "child-f": ["p"],
    "child-d": [],
  };
  static ALGORITHMS = ["paper", "released", "coupled"];

  /** The module of these bytes; rejects where the browser has no WebAssembly with 128-bit SIMD. */
  static compile(bytes) {
    return WebAssembly.compile(bytes);
  }

  constructor(module, layout, weights) {
    if (weights.length !== layout.weights)
      throw new Error(`weights has ${weights.length} numbers; it has to have ${layout.weights}`);
    const kernel = new WebAssembly.Instance(module, {}).exports;
    for (const name of ["weights", "anchored", "mlm", "vocabulary"])
      if (kernel[name]() !== layout[name])
        throw new Error(`${name} is ${kernel[name]()} in the kernel; it has to be ${layout[name]}, as in the layout`);
    Object.assign(this, { module, kernel, layout, outputs: 0, chosen: 0 });
    const rows = kernel.most_rows(), tokens = kernel.most_tokens(), examples = kernel.most_examples();
    this.limits = { rows, tokens, examples, length: kernel.most_length() };
    const view = (Kind, count, ...names) => {
      for (const name of names) this[name] = new Kind(kernel.memory.buffer, kernel[name](), count);
    };
    view(Float32Array, layout.weights, "theta");
    view(Float32Array, layout.mlm, "home", "gradient", "fisher");
    view(Int32Array, tokens, "tokens", "types");
    view(Int32Array, rows + 1, "starts");
    view(Int32Array, rows, "places", "said");
    view(Float32Array, rows, "targets", "losses");
    view(Float32Array, 2 * rows, "logits");
    view(Int32Array, examples, "permutation");
    this.theta.set(weights);
    this.home.set(weights.subarray(0, layout.anchored));
  }

  /** A new run: theta*, and what is new drawn from the seed. outputs: 2 classes, 1 number; init "random" draws all. */
  begin({ outputs, seed, init = "pretrained" }) {
    const { kernel, home, layout } = this;
    if (outputs !== 1 && outputs !== 2) throw new Error(`outputs is ${outputs}; it has to be 1 or 2`);
    this.whole("seed", seed, 0, 2 ** 32 - 1);
    this.outputs = outputs;
    kernel.begin(outputs);
    kernel.draw(seed);
    if (init !== "random") this.theta.set(home.subarray(0, layout.anchored));
    kernel.child_f_begin(seed + 1);
    this.fisher.fill(0);
    this.chosen = 0;
  }

  /** One step on these rows, the t-th. Gives what a run records of it: { loss, lambda, pull, penalty (null
   * where no method adds one), norm }. */
  step(rows, { t, lr, clip = 1, weightDecay = 0, methods = [] }) {
    const { kernel } = this, act = this.acting(methods);
    this.whole("t", t, 1, 2 ** 31 - 1);
    this.numbers({ lr, clip, weightDecay });
    this.labels(rows);
    const record = { loss: kernel.train(this.put(rows)), lambda: 1, pull: 0, penalty: null, norm: 0 };
    const { recadam, l2sp, ewc, "child-f": childF, "child-d": childD } = act;
    if (l2sp) record.penalty = kernel.l2sp(l2sp.gamma, l2sp.beta);
    if (ewc) record.penalty = kernel.ewc(ewc.gamma);
    record.norm = kernel.clip(clip);
    if (childF) kernel.child_f(childF.p, weightDecay > 0);
    if (childD) kernel.child_d_before();
    if (recadam) {
      record.lambda = kernel.sigmoid(recadam.k, recadam.t0, t);
      record.pull = (1 - record.lambda) * lr * recadam.gamma;
      kernel[`recadam_${recadam.algorithm}`](t, lr, weightDecay, record.lambda, recadam.gamma);
    } else kernel.adamw(t, lr, weightDecay);
    if (childD) kernel.child_d_after();
    return record;
  }

  /** The logits, `outputs` numbers a row; a copy. */
  classify(rows) {
    this.kernel.classify(this.put(rows));
    return this.logits.slice(0, rows.length * this.outputs);
  }

  /** For each row the loss of its hidden word in nats, and the likeliest word; copies. */
  cloze(rows) {
    for (const { word } of rows) this.whole("word", word, 0, this.layout.vocabulary - 1);
    this.kernel.cloze(this.put(rows));
    return { losses: this.losses.slice(0, rows.length), said: this.said.slice(0, rows.length) };
  }

  /** |theta - theta*|, and the same part by part: { all, parts: { name: distance } }. */
  distance() {
    const { kernel, layout } = this;
    const parts = layout.parts.map(({ name, from, to }) => [name, kernel.distance(from, to)]);
    return { all: kernel.distance(0, layout.anchored), parts: Object.fromEntries(parts) };
  }

  /** lambda at step t. */
  sigmoid(k, t0, t) {
    return this.kernel.sigmoid(k, t0, t);
  }

  /** Child-Tuning-D: add what labelled rows say of the task's Fisher, each row once, before the first step. */
  takeFisher(rows) {
    this.labels(rows);
    this.kernel.squares(this.put(rows));
  }

  /** Child-Tuning-D: of the layers' weights the share p with the most Fisher information trains; gives how many. */
  chooseChild(p) {
    this.numbers({ p });
    this.chosen = this.kernel.child_d_begin(p);
    if (!this.chosen) throw new Error(`p is ${p}, which keeps no weight; it has to keep one at least`);
    return this.chosen;
  }

  /** A function that gives the examples of the next step, as recall_learn.runs.trainer.Order does. One at a time. */
  order(seed, examples, size) {
    this.whole("examples", examples, 1, this.limits.examples);
    this.kernel.order_begin(this.whole("seed", seed, 0, 2 ** 32 - 1));
    let at = examples;
    const next = () => {
      if (at === examples) {
        this.kernel.permute(examples);
        at = 0;
      }
      return this.permutation[at++];
    };
    return () => Array.from({ length: size }, next);
  }

  /** Rows one after another in batches of so many tokens: an evaluation in slices, between which others get a turn. */
  *slices(rows, tokens = 512) {
    const most = Math.min(tokens, this.limits.tokens);
    let batch = [], held = 0;
    for (const row of rows) {
      if (batch.length && (held + row.ids.length > most || batch.length === this.limits.rows)) {
        yield batch;
        batch = [];
        held = 0;
      }
      batch.push(row);
      held += row.ids.length;
    }
    if (batch.length) yield batch;
  }

  /** Put rows where the kernel reads them; gives how many. */
  put(rows) {
    const { limits, layout } = this;
    if (rows.length < 1 || rows.length > limits.rows)
      throw new Error(`a batch has ${rows.length} examples; it has to have 1 to ${limits.rows}`);
    let end = 0;
    rows.forEach(({ ids, types, label, place = 0, word = label }, row) => {
      const length = ids.length;
      if (length < 1 || length > limits.length)
        throw new Error(`an example has ${length} tokens; it has to have 1 to ${limits.length}`);
      if (end + length > limits.tokens)
        throw new Error(`a batch has more than ${limits.tokens} tokens; it has to be smaller`);
      if (types && types.length !== length)
        throw new Error(`an example has ${length} ids and ${types.length} types; it has to have as many`);
      for (let i = 0; i < length; i++) {
        this.tokens[end + i] = this.whole("a token", ids[i], 0, layout.vocabulary - 1);
        this.types[end + i] = types ? this.whole("a type", types[i], 0, layout.types - 1) : 0;
      }
      this.starts[row] = end;
      this.places[row] = end + this.whole("place", place, 0, length - 1);
      this.targets[row] = word;
      end += length;
    });
    this.starts[rows.length] = end;
    return rows.length;
  }

  /** The methods by name, looked at. */
  acting(methods) {
    const found = {};
    for (const { name, algorithm = "paper", ...settings } of methods) {
      const wanted = RecallModel.METHODS[name];
      if (!wanted) throw new Error(`${name} is not among the methods that a page can run`);
      for (const key of wanted) this.numbers({ [`${key} of ${name}`]: settings[key] }, key === "k");
      if (!RecallModel.ALGORITHMS.includes(algorithm))
        throw new Error(`algorithm is ${algorithm}; it has to be one of ${RecallModel.ALGORITHMS.join(", ")}`);
      if (name === "child-d" && !this.chosen)
        throw new Error("child-d has no child yet; take the task's Fisher first, and choose");
      found[name] = { algorithm, ...settings };
    }
    return found;
  }

  labels(rows) {
    if (this.outputs === 2) for (const { label } of rows) this.whole("label", label, 0, 1);
    else for (const { label } of rows) this.numbers({ label });
  }

  numbers(values, infinite = false) {
    for (const [name, value] of Object.entries(values))
      if (!(Number.isFinite(value) || (infinite && value === Infinity)))
        throw new Error(`${name} is ${value}; it has to be a number`);
  }

  whole(what, value, least, most) {
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new Error(`${what} is ${value}; it has to be a whole number from ${least} to ${most}`);
    return value;
  }
};
