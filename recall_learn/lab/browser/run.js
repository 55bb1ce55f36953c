// One run of the page: its recipe and changes, what it recorded, and a model that takes its steps. What takes long is a
// generator that yields every few milliseconds.
(function (global) {
  "use strict";

  const SLICE = 384; // tokens that are evaluated at once

  // The learning rate's shape: it rises through the warm-up and falls to 0, as transformers has it.
  function factor({ steps, warmup }, step) {
    const before = step - 1, rise = Math.floor(warmup * steps);
    return before < rise ? before / Math.max(1, rise) : Math.max(0, (steps - before) / Math.max(1, steps - rise));
  }

  class Run {
    constructor(recipes, about, recipe, changes = []) {
      Object.assign(this, { recipes, about, recipe, changes, history: [], evaluations: [], final: null, stopped: null, wish: null });
      this.acting = null;
    }

    // The recipe that a step is taken with.
    at(step) {
      return this.recipes.at(this.recipe, this.changes, step);
    }

    // Put a model at the start of this run.
    *begin(model, data, task, fisher) {
      const { outputs } = this.about.tasks[this.recipe.task], { seed, init, batch_size } = this.recipe;
      model.begin({ outputs, seed, init });
      Object.assign(this, { model, data, task, acting: this.at(1) });
      this.order = model.order(seed, task.train.length, batch_size);
      for (const { name, values } of this.recipe.methods) {
        const { needs } = this.about.methods[name];
        if (needs.includes("source fisher")) model.fisher.set(fisher.values);
        if (needs.includes("task fisher")) yield* this.child(values.p);
      }
    }

    // The child of Child-Tuning-D, from the task's Fisher information at theta*, wherever the run begins.
    *child(p) {
      const { model } = this, { anchored } = model.layout, start = model.theta.slice(0, anchored);
      model.theta.set(model.home.subarray(0, anchored));
      const rows = this.task.train.slice().sort((a, b) => a.ids.length - b.ids.length);
      for (const batch of model.slices(rows, 128)) {
        model.takeFisher(batch);
        yield;
      }
      model.chooseChild(p);
      model.theta.set(start);
    }

    // Take a step; its record, or null where a number is no number any more.
    take(step) {
      if (step === 1 || this.changes.some((each) => each.step === step)) this.acting = this.at(step);
      const { methods, lr: highest, clip, weight_decay: weightDecay } = this.acting, lr = highest * factor(this.recipe, step);
      const rows = this.order().map((i) => this.task.train[i]);
      const given = methods.map(({ name, values }) => ({ name, ...values }));
      const found = this.model.step(rows, { t: step, lr, clip, weightDecay, methods: given });
      const record = { step, loss: found.loss, lambda: found.lambda, lr, pull: found.pull };
      if (found.penalty !== null) record.penalty = found.penalty;
      const broken = ["loss", "penalty"].find((name) => name in record && !Number.isFinite(record[name]));
      if (broken) {
        this.stopped = { step: step - 1, why: `the ${broken} is no number at step ${step}; lower the learning rate, or gamma if it pulls` };
        return null;
      }
      this.history.push(record);
      return record;
    }

    // Score the model, and ask what it still knows.
    *evaluate(step, probes) {
      const { model, data, task } = this, about = this.about.tasks[this.recipe.task], logits = [];
      for (const batch of model.slices(task.validation, SLICE)) {
        logits.push(...model.classify(batch));
        yield;
      }
      const metrics = global.RecallScores.metrics(about, logits, task.validation.map((row) => row.label));
      if (!metrics) {
        this.stopped = { step: this.history.length, why: `at step ${step}: the logits are not finite: the run has diverged; lower the learning rate, or gamma if it pulls` };
        return null;
      }
      const { all, parts } = model.distance(), made = { step, metrics, distance: all, layers: parts };
      if (probes.includes("source")) {
        const { losses, right } = yield* this.ask(data.source);
        Object.assign(made, { source_loss: losses / data.source.length, source_accuracy: right.filter(Boolean).length / right.length });
      }
      if (probes.includes("facts")) made.facts = yield* this.facts();
      return this.keep(made);
    }

    *facts() {
      const { facts, words } = this.data, { right, said } = yield* this.ask(facts), lost = {};
      right.forEach((fine, i) => {
        if (!fine) lost[this.about.facts.rows[i][1]] = words[said[i]];
      });
      return { known: 1 - Object.keys(lost).length / facts.length, lost };
    }

    *ask(rows) {
      const right = [], said = [];
      let losses = 0;
      for (const batch of this.model.slices(rows, SLICE)) {
        const found = this.model.cloze(batch);
        batch.forEach(({ word }, i) => {
          losses += found.losses[i];
          right.push(found.said[i] === word);
          said.push(found.said[i]);
        });
        yield;
      }
      return { losses, right, said };
    }

    keep(made) {
      this.evaluations.push(made);
      if (made.step) this.history[this.history.length - 1].distance = made.distance;
      return made;
    }

    // As runs/record.py reads it: one record a line.
    json(environment) {
      const lines = (records) => (records.length ? `[\n  ${records.map((each) => JSON.stringify(each)).join(",\n  ")}\n]` : "[]");
      const parts = { schema: "2", recipe: JSON.stringify(this.recipes.dict(this.recipe)), environment: JSON.stringify(environment) };
      Object.assign(parts, { history: lines(this.history), evaluations: lines(this.evaluations) });
      if (this.changes.length) parts.changes = lines(this.changes);
      Object.assign(parts, { final: JSON.stringify(this.final), stopped: JSON.stringify(this.stopped) });
      return `{\n${Object.entries(parts).map(([name, text]) => `"${name}": ${text}`).join(",\n")}\n}\n`;
    }

    // Records as the view reads them.
    rows(from = 0) {
      return this.history.slice(from).map((each) => [each.step, each.loss, each.lambda, each.lr, each.pull]);
    }

    // An evaluation as the view reads it.
    told(side, made) {
      const values = { score: made.metrics[this.about.tasks[this.recipe.task].primary], distance: made.distance };
      if ("source_loss" in made) values.source_loss = made.source_loss;
      const place = new Map(this.about.facts.rows.map(([, prompt], i) => [prompt, String(i)]));
      const lost = made.facts && Object.fromEntries(Object.entries(made.facts.lost).map(([prompt, said]) => [place.get(prompt), said]));
      return { type: "evaluation", side, step: made.step, values, facts: made.facts ? { known: made.facts.known, lost } : null };
    }
  }

  global.RecallRun = { Run };
})(typeof globalThis === "undefined" ? self : globalThis);
