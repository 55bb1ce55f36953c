// Recipes, methods and changes in the page, as recall_learn.runs.recipe, methods.expression and runs.steering have them.
// A classic script. `about` is what about.py writes; what is wrong, or more than the page can do, is Refused in a sentence.
(function (global) {
  "use strict";

  class Refused extends Error {}

  const PART = /^\s*([a-z][a-z0-9-]*)\s*(?:\(([^()]*)\))?\s*$/;
  const PAIR = /^\s*([a-z]\w*)\s*=\s*([^\s,=]+)\s*$/;
  const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf)$/;

  const own = (object, key) => Object.prototype.hasOwnProperty.call(object, key);
  const given = (value) => (value === "inf" ? Infinity : value);
  const plain = (value) => (value === Infinity ? "inf" : value);

  function shown(value) {
    const text = typeof value === "string" ? `'${value}'` : value === Infinity ? "inf" : typeof value === "number" ? String(value) : String(JSON.stringify(value));
    return text.length > 80 ? `${text.slice(0, 80)}...` : text;
  }

  // A setting as Python writes it: 0.1, 250, 1e-05, inf, paper.
  function typed(value) {
    if (typeof value !== "number" || !Number.isFinite(value)) return value === Infinity ? "inf" : String(value);
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e15) return String(value);
    if (size >= 1e-4 && size < 1e16) return String(value);
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }

  // A value of a setting, checked.
  function checked(name, about, value) {
    const wrong = () => new Refused(`${name} is ${shown(value)}; it has to be ${about.right}`);
    if (about.choices.length) {
      if (!about.choices.includes(value)) throw wrong();
      return value;
    }
    const x = given(value);
    if (typeof x !== "number" || Number.isNaN(x) || (!Number.isFinite(x) && !about.infinite)) throw wrong();
    if (about.low !== null && (about.open_low ? x <= about.low : x < about.low)) throw wrong();
    if (about.high !== null && (about.open_high ? x >= about.high : x > about.high)) throw wrong();
    if (about.whole && !Number.isSafeInteger(x)) throw wrong();
    return x;
  }

  function lambda(k, t0, t) {
    const late = t - t0, x = late === 0 || k === 0 ? 0 : k * late, small = Math.exp(-Math.abs(x));
    return (x < 0 ? small : 1) / (1 + small);
  }

  // At each + that is not inside parentheses.
  function split(text) {
    const pieces = [""];
    let depth = 0;
    for (const letter of text) {
      depth += (letter === "(") - (letter === ")");
      if (letter === "+" && depth === 0) pieces.push("");
      else pieces[pieces.length - 1] += letter;
    }
    return pieces;
  }

  function make(about) {
    const known = about.methods, none = about.plain.name;

    // The methods that an expression names, [{name, values}], in the order of about.methods.
    function parse(text) {
      if (typeof text !== "string" || !text.trim()) throw new Refused(`method is ${shown(text)}; it has to be text, as in '${about.example}'`);
      const found = split(text).map(one);
      const parts = found.filter(Boolean);
      if (parts.length && parts.length < found.length) throw new Refused(`method joins ${none}, which is no method, with another; leave it out`);
      parts.forEach((each, n) => parts.slice(0, n).forEach((other) => {
        if (each.name === other.name) throw new Refused(`method has ${each.name} twice; take it once`);
        const slot = known[each.name].slot;
        if (slot && slot === known[other.name].slot) throw new Refused(`method joins ${other.name} and ${each.name}, which are each a ${slot}; take one of them`);
      }));
      const needs = parts.filter((each) => known[each.name].needs.length);
      if (needs.length > 1) throw new Refused(`method joins ${needs.map((each) => each.name).join(" and ")}, which ask for two Fishers; the page has room for one`);
      const order = Object.keys(known);
      return parts.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
    }

    function one(piece) {
      const match = PART.exec(piece);
      if (!match) throw new Refused(`method cannot be read at ${shown(piece.trim())}; write it as '${about.example}'`);
      const [, name, inside] = match;
      if (name === none) {
        if (inside && inside.trim()) throw new Refused(`${none} has no settings; leave them out`);
        return null;
      }
      if (about.unable.includes(name)) throw new Refused(`the page has no ${name}; Python does: recall-learn finetune --method ${name}`);
      if (!own(known, name)) throw new Refused(`method ${shown(name)} is unknown; the page has ${[none, ...Object.keys(known)].join(", ")}`);
      const values = Object.fromEntries(Object.entries(known[name].settings).map(([key, each]) => [key, given(each.usual)]));
      const seen = new Set();
      for (const part of inside && inside.trim() ? inside.split(",") : []) {
        const pair = PAIR.exec(part);
        if (!pair) throw new Refused(`${name} has ${shown(part.trim())} in its parentheses; write settings as k=0.05`);
        const [, key, word] = pair;
        if (!own(values, key)) throw new Refused(`${name} has no setting ${shown(key)}; it has ${Object.keys(values).join(", ")}`);
        if (seen.has(key)) throw new Refused(`${name} has ${key} twice; give it once`);
        seen.add(key);
        values[key] = checked(key, known[name].settings[key], NUMBER.test(word) ? (word === "inf" ? Infinity : Number(word)) : word);
      }
      return { name, values };
    }

    const written = (methods) => methods.map(({ name, values }) => `${name}(${Object.entries(values).map(([key, value]) => `${key}=${typed(value)}`).join(", ")})`).join(" + ") || none;
    const names = (methods) => methods.map((each) => each.name).join("+") || none;

    function title(methods) {
      const titles = methods.map((each) => known[each.name].title);
      const last = titles.pop() || about.plain.title;
      return titles.length ? `${titles.join(", ")} and ${last}` : last;
    }

    // The settings of methods that go together, [[key, about, method]].
    const settings = (methods) => methods.flatMap((each) => Object.entries(known[each.name].settings).map(([key, what]) => [key, what, each]));

    // A recipe, checked: what Recipe.to_dict() has, numbers as numbers, and `methods`.
    function recipe(values) {
      const unknown = Object.keys(values).find((key) => !own(about.recipe, key) && key !== "methods");
      if (unknown !== undefined) throw new Refused(`recipe has the unknown key ${shown(unknown)}`);
      const made = { ...about.recipe, ...values };
      for (const key of Object.keys(about.recipe)) if (made[key] === null && about.recipe[key] !== null) made[key] = about.recipe[key];
      made.methods = values.methods || parse(made.method);
      if (made.backbone !== about.recipe.backbone) throw new Refused(`backbone is ${shown(made.backbone)}; the page trains ${about.recipe.backbone} only, Python trains others`);
      if (!own(about.tasks, made.task)) throw new Refused(`task is ${shown(made.task)}; the page has ${Object.keys(about.tasks).join(", ")}`);
      const whole = (key, low, high) => checked(key, { low, high, whole: true, choices: [], right: `a whole number from ${low} to ${high} in the page` }, made[key]);
      made.steps = whole("steps", 1, about.most.steps);
      made.batch_size = whole("batch_size", 1, about.most.batch_size);
      made.seed = whole("seed", 0, 2 ** 32 - 1);
      if (values.evaluate_every === undefined || values.evaluate_every === null) made.evaluate_every = Math.max(1, Math.ceil(made.steps / 10));
      made.evaluate_every = whole("evaluate_every", 1, Number.MAX_SAFE_INTEGER);
      made.max_length = whole("max_length", about.least.max_length, Number.MAX_SAFE_INTEGER);
      const number = (key, low, high, open_low, right) => checked(key, { low, high, open_low, open_high: true, choices: [], right }, made[key]);
      made.lr = number("lr", 0, null, true, "a number above 0");
      made.warmup = number("warmup", 0, 1, false, "a share of the steps, in [0, 1)");
      made.weight_decay = number("weight_decay", 0, null, false, "a number of at least 0");
      made.clip = number("clip", 0, null, false, "a number of at least 0");
      if (made.lr * made.weight_decay >= 1) throw new Refused(`lr * weight_decay is ${typed(made.lr * made.weight_decay)}; it has to be under 1`);
      for (const [key, able] of Object.entries(about.choices)) {
        if (!able.includes(made[key])) throw new Refused(`${key} is ${shown(made[key])}; the page has ${able.map((each) => (each === null ? "none" : each)).join(", ")}, Python has others`);
      }
      made.methods = made.methods.map((each) => resolved(each, made.lr));
      made.methods.forEach((each) => check(each, made.lr));
      made.method = written(made.methods);
      return made;
    }

    // A method with a value for every setting.
    function resolved({ name, values }, lr) {
      const made = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value === null || value === undefined ? null : checked(key, known[name].settings[key], value)]));
      const own = global.RecallMethods[name];
      return { name, values: own ? own.resolved(made, lr) : made };
    }

    function check({ name, values }, lr) {
      const why = global.RecallMethods[name]?.refused(values, lr, lambda);
      if (why) throw new Refused(why);
    }

    // What somebody who sets it so should know; "" where there is nothing.
    const advice = (made) => made.methods.map(({ name, values }) => global.RecallMethods[name]?.advice(values, made.lr)).find(Boolean) || "";

    // As Recipe.to_dict() has it.
    const dict = (made) => Object.fromEntries(Object.keys(about.recipe).map((key) => [key, made[key]]));

    // The settings that may change while a run trains.
    const knobs = (made) => [...settings(made.methods).filter(([, what]) => what.live).map(([key]) => key), "lr"];

    function get(made, key) {
      if (own(about.recipe, key)) return made[key];
      const having = made.methods.find((each) => own(each.values, key));
      return having ? having.values[key] : null;
    }

    // The recipe with these settings in place of its own.
    function changed(made, asked) {
      const able = knobs(made);
      const wrong = Object.keys(asked).find((key) => !able.includes(key));
      if (wrong !== undefined) throw new Refused(`${wrong || "a setting without a name"} cannot change while ${names(made.methods)} trains; what can is ${able.join(", ")}: begin a new run`);
      const bare = Object.keys(asked).find((key) => asked[key] === null || asked[key] === undefined);
      if (bare !== undefined) throw new Refused(`${bare} is ${shown(asked[bare])}; it has to be a number`);
      return set(made, asked);
    }

    // The same for any setting of its methods and any part of a recipe.
    function set(made, asked) {
      const parts = Object.fromEntries(Object.entries(asked).filter(([key]) => own(about.recipe, key)));
      const rest = Object.entries(asked).filter(([key]) => !own(about.recipe, key));
      for (const [key] of rest) if (!made.methods.some((each) => own(each.values, key))) throw new Refused(`${key || "a setting without a name"} is no setting of ${names(made.methods)}`);
      const methods = made.methods.map(({ name, values }) => ({ name, values: { ...values, ...Object.fromEntries(rest.filter(([key]) => own(values, key))) } }));
      return recipe({ ...dict(made), ...parts, methods });
    }

    const difference = (former, now) => Object.fromEntries(knobs(now).filter((key) => get(now, key) !== get(former, key)).map((key) => [key, plain(get(now, key))]));

    // What changes have set by a step, a later one over a former one.
    function acting(changes, step = Infinity) {
      const found = {};
      for (const change of changes.filter((each) => each.step <= step).sort((a, b) => a.step - b.step)) {
        for (const [key, value] of Object.entries(change)) if (key !== "step") found[key] = given(value);
      }
      return found;
    }

    // The recipe that a step is taken with.
    function at(made, changes, step = Infinity) {
      const asked = acting(changes, step);
      return Object.keys(asked).length ? changed(made, asked) : made;
    }

    // The changes of a run once these settings act from a step on, in place of what was recorded for them from there on.
    function note(made, changes, step, asked) {
      const past = changes.filter((each) => each.step < step);
      const rest = changes.filter((each) => each.step >= step).map((each) => Object.fromEntries(Object.entries(each).filter(([key]) => key === "step" || !own(asked, key))));
      const now = changed(made, { ...acting([...past, ...rest], step), ...Object.fromEntries(Object.entries(asked).map(([key, value]) => [key, given(value)])) });
      const different = difference(at(made, past), now);
      const later = rest.filter((each) => each.step > step && Object.keys(each).length > 1).sort((a, b) => a.step - b.step);
      const noted = [...past, ...(Object.keys(different).length ? [{ step, ...different }] : []), ...later];
      for (const change of later) {
        try {
          at(made, noted, change.step);
        } catch (error) {
          throw new Refused(`${error.message} (at step ${change.step}, from which on ${told(change)} is recorded)`);
        }
      }
      return noted;
    }

    const told = (change) => Object.entries(change).filter(([key]) => key !== "step").map(([key, value]) => `${key} = ${typed(given(value))}`).join(" and ");

    // The changes of a file, or a link.
    function checkChanges(made, changes) {
      if (!Array.isArray(changes)) throw new Refused("its changes are no list");
      for (const change of changes) {
        if (!change || !Number.isInteger(change.step) || change.step < 1 || change.step > made.steps) throw new Refused(`its changes name the step ${shown(change && change.step)}; it has to be one from 1 to ${made.steps}`);
        if (Object.keys(change).length < 2) throw new Refused(`its change at step ${change.step} names no setting; say which, or leave it out`);
        at(made, changes, change.step);
      }
      return changes;
    }

    // Whether a method of a recipe asks for this, as in Method.needs.
    const needs = (made, what) => made.methods.some(({ name }) => about.methods[name].needs.includes(what));

    return { needs, parse, written, names, title, settings, recipe, advice, dict, knobs, get, changed, set, difference, at, note, checkChanges };
  }

  global.RecallRecipes = { make, Refused, plain, given, typed, shown, checked };
})(typeof globalThis === "undefined" ? self : globalThis);
