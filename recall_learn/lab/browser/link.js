// A session in an address, #lab&task=world/cola&method=NAME(k=0.05)&changes=61:k=0.2;90:t0=40, and back; a run from its
// file, and what a file says of where it was recorded.
(function (global) {
  "use strict";

  const { Refused, typed, given } = global.RecallRecipes;
  const START = "#lab&", PARTS = ["task", "method", "steps", "batch_size", "lr", "warmup", "init", "seed", "evaluate_every"];
  const OTHER = ["method", "lr"]; // in what setting B differs

  const pack = (changes) => changes.map(({ step, ...set }) => `${step}:${Object.entries(set).map(([key, value]) => `${key}=${typed(given(value))}`).join(",")}`).join(";");

  const value = (word = "") => (word === "inf" ? word : word.trim() ? Number(word) : NaN);

  const unpack = (text) => text.split(";").filter(Boolean).map((part) => {
    const [step, set = ""] = part.split(":");
    return { step: Number(step), ...Object.fromEntries(set.split(",").filter(Boolean).map((pair) => [pair.split("=")[0], value(pair.split("=")[1])])) };
  });

  function write({ runs: [run, beside], how, recipes, messages }) {
    const parts = PARTS.map((key) => [key, run.recipe[key]]);
    if (run.changes.length) parts.push(["changes", pack(run.changes)]);
    parts.push(["beside", how]);
    if (how === messages.other) {
      parts.push(...OTHER.map((key) => [`b.${key}`, beside.recipe[key]]));
      if (beside.changes.length) parts.push(["b.changes", pack(beside.changes)]);
    }
    return START + parts.map(([key, value]) => `${key}=${encodeURIComponent(typeof value === "number" ? typed(value) : value)}`).join("&");
  }

  // What an address asks for: { recipe, other, how, changes }; null where it names no session.
  function read(hash, { page, recipes, messages }) {
    if (!hash.startsWith(START)) return null;
    const words = {};
    for (const part of hash.slice(START.length).split("&").filter(Boolean)) {
      const [key, ...rest] = part.split("=");
      try {
        words[key] = decodeURIComponent(rest.join("="));
      } catch {
        throw new Refused("the address is torn; copy all of it");
      }
    }
    const number = (key, word) => (["task", "method", "init"].includes(key) || !word.trim() || Number.isNaN(Number(word)) ? word : Number(word));
    const asked = Object.fromEntries(PARTS.filter((key) => key in words).map((key) => [key, number(key, words[key])]));
    const known = [...PARTS, "changes", "beside", "b.changes", ...OTHER.map((key) => `b.${key}`)];
    const wrong = Object.keys(words).find((key) => !known.includes(key));
    if (wrong !== undefined) throw new Refused(`the address names ${wrong}, which the lab does not have`);
    if ("steps" in asked && !("evaluate_every" in asked)) asked.evaluate_every = null;
    const recipe = recipes.recipe({ ...page.recipe, ...asked }), how = words.beside || page.how;
    if (![messages.nothing, messages.plain, messages.other].includes(how)) throw new Refused(`the address has ${how} beside the run, which there is not`);
    const b = Object.fromEntries(OTHER.filter((key) => `b.${key}` in words).map((key) => [key, number(key, words[`b.${key}`])]));
    const other = how === messages.other ? recipes.recipe({ ...recipes.dict(recipe), ...b }) : null;
    const changes = [recipes.checkChanges(recipe, unpack(words.changes || "")), other ? recipes.checkChanges(other, unpack(words["b.changes"] || "")) : []];
    return { recipe, other, how, changes };
  }

  // What an address was found to hold, before its first step.
  function told({ runs: [{ recipe, changes }], recipes }) {
    const at = changes.map((each) => each.step), all = at.length > 3 ? `${at[0]} to ${at.at(-1)}` : at.join(", ");
    const steered = at.length ? `, changed at ${at.length > 1 ? "steps" : "step"} ${all}` : "";
    return `The address holds a run of ${recipe.steps} steps on ${recipe.task} with ${recipes.title(recipe.methods)}${steered}: Start takes it again from its first step.`;
  }

  // The run of a file: { recipe, changes, history, environment }.
  function file(text, recipes) {
    let found;
    try {
      found = JSON.parse(text);
    } catch {
      throw new Refused("this file is no JSON; give one that Save wrote, or the run.json of a run");
    }
    if (!found || typeof found !== "object" || !found.recipe || !Array.isArray(found.history)) throw new Refused("this file is no recorded run; give one that Save wrote, or the run.json of a run");
    if (found.schema !== 2) throw new Refused(`this file is of schema ${JSON.stringify(found.schema)}, and the page reads 2; load and save it in Python once`);
    const recipe = recipes.recipe(found.recipe);
    const changes = recipes.checkChanges(recipe, found.changes || []);
    const fine = found.history.every((each, i) => each && each.step === i + 1 && Number.isFinite(each.loss)) && found.history.length <= recipe.steps;
    if (!fine) throw new Refused("its history does not count the steps 1, 2, 3, ... each with a loss");
    return { recipe, changes, history: found.history, environment: found.environment || {} };
  }

  // What a file says of where it was recorded.
  function environment({ data, about, page, recipes, fisher }, { recipe }) {
    const [name, version] = page.browser, { examples, digest } = data.tasks[recipe.task];
    return {
      device: "browser",
      threads: 1,
      versions: { "recall-learn": about.version, [name]: version },
      date: `${new Date().toISOString().slice(0, 19)}Z`,
      ...data.environment,
      examples,
      data: digest,
      ...(recipes.needs(recipe, "source fisher") && fisher ? { fisher } : {}),
    };
  }

  global.RecallLink = { write, read, told, file, environment };
})(typeof globalThis === "undefined" ? self : globalThis);
