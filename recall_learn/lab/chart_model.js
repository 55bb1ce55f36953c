// The chart of methods, without its view: which points are drawn, what a key or a pointer leads to, words, the address.
(function () {
  "use strict";

  const { number, range, short, median, spread } = window.recallDrawing;
  const VIEWS = { "": "all", near: "the best scores", both: "the best in both" };
  const TIMES = [["", "any time"], ["1.25", "1.25 times plain's"], ["1.5", "1.5 times plain's"], ["2", "twice plain's"]];
  const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
  const NEAR = 0.05; // how much under plain fine-tuning's best score still is near it

  // Whether a method asks for no more than the reader has; plain fine-tuning is always drawn, as what to compare with.
  function allowed(data, state, method) {
    const { asks, time } = data.methods[method];
    return method === data.plain || !(asks.some((ask) => state.lacks.includes(ask)) || (state.time && time > Number(state.time)));
  }

  // Whether a point is among the best, where a reader looks at these alone: of the scores, or in both measures.
  function best(data, state, point) {
    const { sign } = data.kept[state.kept], kept = (each) => sign * median(each[state.kept]);
    const plain = data.points.filter((each) => each.task === state.task && each.method === data.plain && each[state.kept].some(number));
    if (!state.view || !plain.length) return true;
    const scored = median(point.score) >= Math.max(...plain.map((each) => median(each.score))) - NEAR;
    return scored && (state.view === "near" || kept(point) >= median(plain.map(kept)));
  }

  // The places of the points that are drawn.
  function shown(data, state) {
    const fits = (point) => point.task === state.task && point[state.kept].some(number) && allowed(data, state, point.method) && best(data, state, point);
    return data.points.map((point, place) => place).filter((place) => fits(data.points[place]));
  }

  // Plain fine-tuning's settings that share a seed with a point, and of them the one that scores most like it.
  function twins(data, point, seed) {
    const plain = data.points.filter((each) => each.task === point.task && each.method === data.plain && each.seeds.includes(seed));
    const apart = (each) => Math.abs(median(each.score) - median(point.score));
    return [plain, plain.reduce((best, each) => (best && apart(best) <= apart(each) ? best : each), null)];
  }

  // Of some [x, y, what] the `what` of those that are not farther than `reach` from a place, the nearest one first.
  function around(spots, x, y, reach) {
    const away = spots.map(([a, b, what]) => [Math.hypot(a - x, b - y), what]).filter(([far]) => far <= reach);
    return away.sort((a, b) => a[0] - b[0]).map(([, what]) => what);
  }

  // [method, places] in the order of the families, each line in the order of its settings.
  function lines(data, state) {
    const places = shown(data, state);
    return Object.keys(data.methods).map((method) => [method, places.filter((place) => data.points[place].method === method)]).filter(([, found]) => found.length);
  }

  // Where a key of `MOVES` leads: along a line, to its ends, or to the next one.
  function moved(data, state, place, key) {
    const all = lines(data, state), at = all.findIndex(([, places]) => places.includes(place));
    if (at < 0) return all.length ? all[0][1][0] : null;
    const line = all[at][1], step = { ArrowRight: 1, ArrowLeft: -1 }[key], end = { Home: line[0], End: line[line.length - 1] }[key];
    if (end !== undefined) return end;
    if (step) return line[(line.indexOf(place) + step + line.length) % line.length];
    const next = all[(at + (key === "ArrowDown" ? 1 : -1) + all.length) % all.length][1];
    return next[Math.min(line.indexOf(place), next.length - 1)];
  }

  // How an address names a point of its task, and which that is; null where none is.
  const pointed = ({ method, label }) => (label ? `${method}, ${label}` : method);
  function placed(data, state) {
    const place = data.points.findIndex((point) => point.task === state.task && pointed(point) === state.point);
    return place < 0 ? null : place;
  }

  // How one seed of a point stands to the line through plain fine-tuning's rates with the same seed, in words; "" where the line is not whole.
  function stands(data, state, point, seed) {
    const found = (point.stands[state.kept] || {})[seed], kept = data.kept[state.kept];
    if (!found) return "";
    const [word, gain] = found, far = `${short(Math.abs(gain))} ${gain < 0 ? "lower" : "higher"}`;
    const said = { ahead: "ahead of", behind: "behind", beyond: "beyond the ends of" }[word];
    return `With seed ${seed} this setting (the small ring) is ${said} the line of plain fine-tuning's rates with that seed (dashed, in the figure)${gain === null ? "" : `: ${kept.short} ${far} than the best of the line at this score or a higher one`}.`;
  }

  const named = (data, point) => data.methods[point.method].title + (point.label ? `, ${point.label}` : "");

  // A point in words.
  function describe(data, state, place) {
    const point = data.points[place], count = point.seeds.length, against = point.ahead[state.kept];
    const { time } = data.methods[point.method];
    const told = [`${named(data, point)}: ${data.tasks[point.task].metric} ${spread(point.score)}, ${data.kept[state.kept].short} ${spread(point[state.kept])}, ${count} seed${count > 1 ? "s" : ""}.`];
    if (against) told.push(`Ahead of plain fine-tuning's own rates in ${against[0]} of ${against[1]}.`);
    if (time) told.push(`A step takes ${Math.abs(time - 1) < 0.03 ? "as long as" : `${short(time)} times`} plain's.`);
    return told.join(" ");
  }

  // What an axis shows: all values, but from plain fine-tuning's own no farther than half of what these span.
  function frame(values, plain, log) {
    const [f, back] = log ? [Math.log, Math.exp] : [Number, Number], [low, high] = range(values);
    if (plain.filter(number).length < 2) return [low, high];
    const [first, last] = range(plain).map(f);
    return [Math.max(f(low), 1.5 * first - 0.5 * last), Math.min(f(high), 1.5 * last - 0.5 * first)].map(back);
  }

  function write(state) {
    const told = ["task", "kept", "view", "time", "method", "point", "seed"].filter((key) => state[key] || state[key] === 0).map((key) => `${key}=${encodeURIComponent(state[key])}`);
    return `#chart&${[...told, ...(state.lacks.length ? [`lacks=${state.lacks.map(encodeURIComponent).join(",")}`] : [])].join("&")}`;
  }

  // Not every task has every measure of what was kept: then the first that it has.
  function settled(data, state) {
    const { kept } = data.tasks[state.task];
    return kept.includes(state.kept) ? state : { ...state, kept: kept[0] };
  }

  // The state of an address; what it does not name, or names wrongly, is as in `start`. A point that is not there is `missed`.
  function read(data, hash, start) {
    const state = settled(data, { ...start }), known = { task: data.tasks, kept: data.kept, view: VIEWS, time: Object.fromEntries(TIMES), method: data.methods };
    if (!hash.startsWith("#chart&")) return state;
    for (const part of hash.slice(7).split("&")) {
      const [key, word] = part.split("=");
      let value = word || "";
      try { value = decodeURIComponent(value); } catch { /* a torn address: as it is written */ }
      if (key === "lacks") state.lacks = value.split(",").filter((ask) => ask in data.asks);
      else if (key === "point") state.point = value;
      else if (key === "seed" && /^\d+$/.test(value)) state.seed = Number(value);
      else if (Object.hasOwn(known, key) && Object.hasOwn(known[key], value)) state[key] = value;
    }
    if (state.point && placed(data, state) === null) [state.missed, state.point, state.seed] = [state.point, "", null];
    return settled(data, state);
  }

  window.recallChartModel = { NEAR, VIEWS, TIMES, MOVES, allowed, best, shown, twins, around, placed, pointed, stands, lines, moved, named, describe, frame, write, read, settled };
})();
