/* The kernel from JavaScript: memory as arrays, batches without padding, a step of any method; refusals in words.
 *
 *   const module = await RecallModel.compile(bytes);
 *   const model = new RecallModel(module, layout, weights);  // layout: layout.py's; weights: Float32Array, its length
 *   model.begin({ outputs: 2, seed: 0 });                     // theta* with pooler and classifier of that seed
 *   const order = model.order(0, rows.length, 16);            // order() gives the 16 examples of the next step
 *   model.step(order().map((i) => rows[i]), { t: 1, lr: 1e-3, clip: 1, weightDecay: 0,
 *     methods: [{ name: "recadam", k: 0.05, t0: 150, gamma: 100, algorithm: "paper" }] });
 *
 * A row is { ids, types, label } or, for a cloze, { ids, types, place, word }: ids and types are arrays of token numbers
 * (types may be left out: all 0), place is where [MASK] is in ids. A classic script, for a worker, a page or Node.
 */
"use strict";

class RecallModel {
  /** The module of these bytes; throws where the engine has no WebAssembly with 128-bit SIMD. */
  static compile(bytes) {
    return WebAssembly.compile(bytes);
  }

  constructor(module, layout, weights) {
    const kernel = new WebAssembly.Instance(module, {}).exports;
    for (const name of ["weights", "anchored", "mlm", "vocabulary"])
      if (kernel[name]() !== layout[name])
        throw new Error(`${name} is ${layout[name]} in the layout and ${kernel[name]()} in the kernel; make both anew`);
    if (weights.length !== layout.weights)
      throw new Error(`weights has ${weights.length} numbers; it has to have ${layout.weights}`);
    this.kernel = kernel;
    this.layout = layout;
    this.limits = { rows: kernel.most_rows(), tokens: kernel.most_tokens(), length: kernel.most_length() };
    const view = (Kind, name, count) => new Kind(kernel.memory.buffer, kernel[name](), count);
    const { rows, tokens } = this.limits;
    const most = layout.mlm; // what may train, at most
    this.theta = view(Float32Array, "theta", layout.weights);
    this.home = view(Float32Array, "home", most);
    this.gradient = view(Float32Array, "gradient", most);
    this.fisher = view(Float32Array, "fisher", most);
    this.tokens = view(Int32Array, "tokens", tokens);
    this.types = view(Int32Array, "types", tokens);
    this.starts = view(Int32Array, "starts", rows + 1);
    this.places = view(Int32Array, "places", rows);
    this.targets = view(Float32Array, "targets", rows);
    this.outcome = {
      logits: view(Float32Array, "logits", 2 * rows),
      losses: view(Float32Array, "losses", rows),
      said: view(Int32Array, "said", rows),
    };
    this.permutation = view(Int32Array, "permutation", kernel.most_examples());
    this.theta.set(weights);
    this.home.set(weights.subarray(0, layout.anchored));
  }

  /** A new run: theta*, and what is new drawn from the seed. outputs: 2 classes, or 1 number; init: "random" draws all. */
  begin({ outputs, seed, init = "pretrained" }) {
    if (outputs !== 1 && outputs !== 2) throw new Error(`outputs is ${outputs}; it has to be 1 or 2`);
    RecallModel.seed(seed);
    this.outputs = outputs;
    this.kernel.begin(outputs);
    this.kernel.draw(seed);
    if (init === "pretrained") this.theta.set(this.home.subarray(0, this.layout.anchored));
    this.kernel.child_f_begin(seed + 1);
    this.fisher.fill(0);
    this.chosen = 0;
  }

  /** Put rows where the kernel reads them. */
  put(rows) {
    const { limits } = this;
    if (rows.length < 1 || rows.length > limits.rows)
      throw new Error(`a batch has ${rows.length} examples; it has to have 1 to ${limits.rows}`);
    let end = 0;
    rows.forEach(({ ids, types, label = 0, place = 0, word }, row) => {
      if (ids.length < 1 || ids.length > limits.length)
        throw new Error(`an example has ${ids.length} tokens; it has to have 1 to ${limits.length}`);
      if (end + ids.length > limits.tokens) throw new Error(`a batch has more than ${limits.tokens} tokens; make it smaller`);
      if (types && types.length !== ids.length)
        throw new Error(`an example has ${ids.length} ids and ${types.length} types; it has to have as many`);
      if (!(place >= 0 && place < ids.length)) throw new Error(`place is ${place} in an example of ${ids.length} tokens`);
      for (let i = 0; i < ids.length; i++) {
        this.tokens[end + i] = RecallModel.below("a token", ids[i], this.layout.vocabulary);
        this.types[end + i] = types ? RecallModel.below("a type", types[i], this.layout.types) : 0;
      }
      this.starts[row] = end;
      this.places[row] = end + place;
      this.targets[row] = word === undefined ? label : RecallModel.below("word", word, this.layout.vocabulary);
      end += ids.length;
    });
    this.starts[rows.length] = end;
    return rows.length;
  }

  /** Rows one after another in batches of so many tokens, for work that is to pause now and then. */
  *slices(rows, tokens = 512) {
    let batch = [];
    let held = 0;
    for (const row of rows) {
      if (batch.length && (held + row.ids.length > tokens || batch.length === this.limits.rows)) {
        yield batch;
        batch = [];
        held = 0;
      }
      batch.push(row);
      held += row.ids.length;
    }
    if (batch.length) yield batch;
  }

  /** One step on these rows; t counts from 1. Gives what a run records of it: { loss, lambda, pull, penalty, norm }. */
  step(rows, { t, lr, clip = 1, weightDecay = 0, methods = [] }) {
    const { kernel } = this;
    const found = {};
    for (const method of methods) {
      if (!["recadam", "l2sp", "ewc", "child-f", "child-d"].includes(method.name))
        throw new Error(`${method.name} is not among the methods that a page can run`);
      found[method.name] = method;
    }
    const record = { loss: 0, lambda: 1, pull: 0, penalty: 0, norm: 0 };
    const { recadam, l2sp, ewc, "child-f": childF, "child-d": childD } = found;
    if (childD && !this.chosen) throw new Error("child-d has no child yet; take the task's Fisher, and choose");
    this.check(rows);
    record.loss = kernel.train(this.put(rows));
    if (l2sp) record.penalty = kernel.l2sp(l2sp.gamma, l2sp.beta);
    if (ewc) record.penalty = kernel.ewc(ewc.gamma);
    record.norm = kernel.clip(clip);
    if (childF) kernel.child_f(childF.p, weightDecay > 0);
    if (childD) kernel.child_d_before();
    if (recadam) {
      const { k, t0, gamma, algorithm = "paper" } = recadam;
      record.lambda = kernel.sigmoid(k, t0, t);
      record.pull = (1 - record.lambda) * lr * gamma;
      kernel[`recadam_${algorithm}`](t, lr, weightDecay, record.lambda, gamma);
    } else kernel.adamw(t, lr, weightDecay);
    if (childD) kernel.child_d_after();
    return record;
  }

  /** The model's logits, outputs numbers a row; a copy. */
  classify(rows) {
    this.kernel.classify(this.put(rows));
    return this.outcome.logits.slice(0, rows.length * this.outputs);
  }

  /** For each row the loss of its hidden word in nats, and the likeliest word; copies. */
  cloze(rows) {
    this.kernel.cloze(this.put(rows));
    return { losses: this.outcome.losses.slice(0, rows.length), said: this.outcome.said.slice(0, rows.length) };
  }

  /** |theta - theta*|, and the same part by part: { all, parts: { name: distance } }. */
  distance() {
    const all = this.kernel.distance(0, this.layout.anchored);
    const parts = {};
    for (const { name, from, to } of this.layout.parts) parts[name] = this.kernel.distance(from, to);
    return { all, parts };
  }

  /** Child-Tuning-D: add what the rows say of the task's Fisher. After begin, before the first step; all rows once. */
  takeFisher(rows) {
    this.kernel.squares(this.put(rows));
  }

  /** Child-Tuning-D: the weights of the layers with the most Fisher information, the share p; gives how many. */
  chooseChild(p) {
    this.chosen = this.kernel.child_d_begin(p);
    if (!this.chosen) throw new Error(`p is ${p}, which keeps no weight; it has to keep one at least`);
    return this.chosen;
  }

  /** A function that gives the examples of the next step, as numpy draws them in recall_learn.runs.trainer.Order. */
  order(seed, examples, size) {
    const most = this.permutation.length;
    if (!(examples >= 1 && examples <= most)) throw new Error(`there are ${examples} examples; a page can take 1 to ${most}`);
    this.kernel.order_begin(RecallModel.seed(seed));
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

  check(rows) {
    if (this.outputs === 2)
      for (const { label } of rows)
        if (label !== 0 && label !== 1) throw new Error(`a label is ${label}; it has to be 0 or 1`);
  }

  static below(what, value, most) {
    if (!(Number.isInteger(value) && value >= 0 && value < most))
      throw new Error(`${what} is ${value}; it has to be a whole number from 0 to ${most - 1}`);
    return value;
  }

  static seed(value) {
    return RecallModel.below("seed", value, 2 ** 32);
  }
}

globalThis.RecallModel = RecallModel;
