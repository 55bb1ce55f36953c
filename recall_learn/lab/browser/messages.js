// What the page's engine tells the view, as recall_learn.lab.protocol makes it; a test compares the two.
(function (global) {
  "use strict";

  const { plain } = global.RecallRecipes;

  function make(about, recipes) {
    const { nothing, other, title: plainTitle } = about.plain;

    // What the runs are called; two of one method are A and B.
    function titles(sides) {
      const names = sides.map((each) => recipes.title(each.methods));
      return names.length > 1 && names[0] === names[1] ? [`${names[0]} A`, `${names[1]} B`] : names;
    }

    // A control of a setting: where it stands, from where to where it reaches, and where it halts.
    function knob(key, what, value, steps) {
      const inSteps = what.unit === "steps";
      const sorted = [...new Set([...what.halts.map((each) => (each === "inf" ? Infinity : each)), value])].sort((a, b) => a - b);
      const halts = inSteps ? [] : sorted;
      return {
        key,
        label: what.label,
        unit: what.unit,
        help: what.help,
        value: plain(value),
        low: inSteps ? 0 : halts[0],
        high: inSteps ? Math.max(steps, value) : Math.max(...halts.filter(Number.isFinite)),
        log: what.log,
        infinite: what.infinite,
        whole: what.whole || inSteps,
        notches: what.log ? halts.map(plain) : null,
        choices: what.choices,
      };
    }

    function knobs(recipe) {
      const known = Object.fromEntries([...recipes.settings(recipe.methods), ["lr", about.lr]]);
      return recipes.knobs(recipe).map((key) => knob(key, known[key], recipes.get(recipe, key), recipe.steps));
    }

    const curve = (methods) => (methods.some((each) => about.methods[each.name].lambda) ? { form: "sigmoid", k: "k", t0: "t0" } : null);

    function side(recipe, name, how) {
      const still = how === plainTitle && !recipe.methods.length && name === plainTitle;
      return { name, recipe: recipes.dict(recipe), knobs: still ? [] : knobs(recipe), curve: curve(recipe.methods) };
    }

    // What an evaluation asks beside the task.
    function probes(recipe) {
      if (recipe.probe === "auto") return ["source", "facts"];
      return recipe.probe === "none" ? [] : recipe.probe.split("+");
    }

    const charts = (recipe) => about.tasks[recipe.task].charts.filter((each) => each.key !== "source_loss" || probes(recipe).includes("source"));

    function facts(recipe) {
      if (!probes(recipe).includes("facts")) return null;
      return about.facts.rows.map(([kind, prompt, answer]) => ({ prompt, answer, kind: about.facts.kinds[kind] }));
    }

    function field(key, what, value) {
      const choices = what.choices.length ? what.choices.map((each) => ({ value: each, title: each })) : null;
      return { key, label: what.label, help: what.help, value: plain(value), choices, low: what.low, high: what.high, open_low: what.open_low, open_high: what.open_high, whole: what.whole };
    }

    // What a new run is begun with, and does not change while it trains.
    function fields(recipe, how) {
      const names = recipes.names(recipe.methods), values = { ...recipe, method: names, beside: how };
      const made = about.fields.map((each) => ({ ...each, value: values[each.key] }));
      const method = made.find((each) => each.key === "method");
      if (!method.choices.some((each) => each.value === names)) method.choices = [...method.choices, { value: names, title: recipes.title(recipe.methods) }];
      const own = recipes.settings(recipe.methods).filter(([, what]) => !what.live);
      return [...made.slice(0, 3), ...own.map(([key, what]) => field(key, what, recipes.get(recipe, key))), ...made.slice(3)];
    }

    // All that a view draws before the first step of a run.
    function begin(sides, how, { id = 1, note = "", presets = [], can = about.can } = {}) {
      const [recipe] = sides, names = titles(sides);
      return {
        type: "begin",
        id,
        engine: "page",
        note,
        steps: recipe.steps,
        evaluate_every: recipe.evaluate_every,
        task: recipe.task,
        backbone: recipe.backbone,
        recipe: recipes.dict(recipe),
        sides: sides.map((each, i) => side(each, names[i], how)),
        charts: charts(recipe),
        facts: facts(recipe),
        presets: presets.map(({ name, story }) => ({ name, story })),
        setup: fields(recipe, how),
        can,
      };
    }

    // The values of a side's knobs.
    const values = (recipe) => Object.fromEntries(recipes.knobs(recipe).map((key) => [key, plain(recipes.get(recipe, key))]));

    return { begin, values, probes, nothing, other, plain: plainTitle };
  }

  global.RecallMessages = { make };
})(typeof globalThis === "undefined" ? self : globalThis);
