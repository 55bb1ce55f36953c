// Small charts of what was measured, under one cursor; and the strip of last ends.
const WAYS = { up: ["↑ better", "higher is better"], down: ["↓ better", "lower is better"] };

// There is room for five letters.
const brief = (value) => short(value !== null && Math.abs(value) < 0.1 ? digits(value, Math.abs(value) < 0.001 ? 1 : 2) : value);

class Charts {
  constructor(view, parent) {
    this.view = view;
    const many = `--charts: ${view.session.begin.charts.length}`;
    this.box = add(parent, "section", { class: "rl-charts", "aria-label": "What was measured", style: many });
    this.all = view.session.begin.charts.map((chart) => this.one(chart));
    const row = add(this.box, "label", { class: "rl-look" });
    this.where = add(row, "span");
    this.legend = new Legend(this.box);
    this.slider = add(row, "input", { type: "range", min: 0, step: 1, "aria-label": "step to look at in all charts", "data-key": "look" });
    view.on(this.slider, "input", () => view.look(Number(this.slider.value)));
    view.on(this.slider, "keydown", (event) => event.key === "Escape" && view.look(null));
    view.on(this.slider, "blur", () => view.look(null));
  }

  one(chart) {
    const { view } = this, figure = add(this.box, "figure"), caption = add(figure, "figcaption");
    const named = [chart.title, chart.unit].filter(Boolean).join(", ");
    add(add(caption, "b", { title: named }, `${chart.title} `), "small", {}, chart.unit || "");
    const [way, words] = WAYS[chart.good] || ["", ""];
    add(caption, "small", { title: words }, way);
    const row = add(caption, "span");
    const values = view.session.begin.sides.map((side, i) => add(row, "span", { class: `rl-value rl-side${i}`, title: side.name }));
    const plot = new Plot(view, figure, { attributes: { role: "img", height: 96 } });
    view.follow(plot);
    return { chart, values, plot, words, id: null, range: null, drawn: "" };
  }

  draw() {
    const { session, cursor } = this.view, { step, begin } = session, at = cursor ?? step;
    const marks = session.marks();
    for (const each of this.all) {
      this.fit(each);
      each.plot.frame(begin.steps, ...each.range);
      if (each.plot.width) this.lines(each, at);
      each.plot.mark(marks, false);
      each.plot.point(cursor);
      const told = begin.sides.map((side, i) => [side.name, brief(session.value(i, each.chart, at))]);
      told.forEach(([, value], i) => say(each.values[i], `${i ? "◆" : "●"}\u2009${value}`));
      put(each.plot.svg, "aria-label", `${each.chart.title}, ${each.words}, at step ${at}: ${told.map((pair) => pair.join(" ")).join(", ")}`);
    }
    this.legend.draw([...named(session), ["rl-raw rl-side0", "each batch"]]);
    say(this.where, cursor === null ? (step ? `all at step ${step}` : "nothing yet") : `looking at step ${at}`);
    put(this.slider, "max", Math.max(step, 1));
    this.slider.disabled = !step;
    this.slider.value = at;
    put(this.slider, "aria-valuetext", `step ${at}`);
  }

  // The range that was asked for, and more where the values need it. It never shrinks to noise.
  fit(each) {
    const { session } = this.view, { chart } = each, { id } = session.begin;
    if (each.id !== id) Object.assign(each, { id, seen: 0, range: (chart.range || [0, 1]).map(number) });
    for (const [i, side] of session.sides.entries()) {
      const { length } = side.rows, last = side.evaluations.slice(-40);
      const values = chart.from === "step" ? [0.25, 0.5, 0.75, 1].map((share) => session.mean(i, Math.ceil(share * length)))
        : last.map((found) => number(found.values[chart.key] ?? null));
      for (const value of values.filter((value) => value !== null && Number.isFinite(value))) {
        const [low, high] = each.range, more = 0.1 * (high - low);
        if (value > high) each.range = [low, digits(value + more, 2)];
        if (value < low) each.range = [digits(value - more, 2), high];
      }
    }
  }

  lines({ chart, plot }, at) {
    const { session } = this.view, { begin } = session, key = chart.key, most = plot.width / 2;
    session.past(chart).forEach((points, i) => plot.line(`earlier${i}`, "rl-earlier", points));
    if (chart.chance !== undefined && chart.chance !== null) plot.line("chance", "rl-by-chance", [[0, chart.chance], [begin.steps, chart.chance]]);
    begin.sides.forEach((_, i) => {
      const { rows, evaluations } = session.sides[i], found = evaluations.filter((each) => each.step <= at).at(-1);
      plot.dot(`dot${i}`, i, chart.from === "step" ? at : found?.step, session.value(i, chart, at) ?? NaN);
      if (chart.from === "step") {
        plot.line(`raw${i}`, `rl-raw rl-side${i}`, thin(rows, most));
        plot.line(`line${i}`, `rl-side${i}`, session.some(i, most).map((step) => [step, session.mean(i, step)]));
      } else plot.line(`line${i}`, `rl-side${i}`, evaluations.map((found) => [found.step, number(found.values[key] ?? null)]));
    });
  }
}

// Each run that has ended leaves a dot for itself and one for its twin: what of an end is chance?
class Chance {
  constructor(view, parent) {
    Object.assign(this, { view, drawn: "" });
    this.box = add(parent, "section", { class: "rl-chance", "aria-label": "The ends of this session's runs" });
    add(this.box, "h3", {}, "How much of an end is chance?");
    this.list = add(this.box, "div");
    view.measure(this.list);
  }

  draw() {
    const { session } = this.view, { begin, ends } = session, [box] = this.view.size(this.list);
    const drawn = [ends.length, box, begin.id].join();
    if (drawn === this.drawn || !box) return;
    this.drawn = drawn;
    this.list.replaceChildren();
    const groups = new Map();
    for (const end of ends) if (end.task === begin.task) groups.set(end.key, [...(groups.get(end.key) || []), end]);
    const what = begin.facts ? `facts known of ${begin.facts.length}` : session.kept.title;
    const words = `Each run that ends leaves a mark for itself and its twin (${what}). Another seed shows how far they scatter.`;
    add(this.list, "p", {}, groups.size ? what : words);
    const range = begin.facts ? [0, begin.facts.length] : [...(session.kept.range || [0, 1])].map(number);
    for (const group of [...groups.values(), ...(groups.size ? [] : [[]])].slice(-4).reverse()) this.row(group, range, box);
  }

  row(group, [low, high], width) {
    const all = group.flatMap((end) => end.counts).filter(Number.isFinite);
    const [from, to] = [Math.min(low, ...all), Math.max(high, ...all)], x = (value) => 10 + ((value - from) / (to - from)) * (width - 20);
    const spread = (i) => group.map((end) => end.counts[i]).filter(Number.isFinite).sort((a, b) => a - b);
    const told = (group[0]?.names || []).map((name, i) => `${name}: ${[...new Set([spread(i)[0], spread(i).at(-1)])].map(short).join(" to ")}`);
    if (group.length) add(this.list, "p", {}, `${plural(group.length, "run")}. ${told.join(". ")}.`);
    const label = told.join("; ") || "no run has ended yet";
    const svg = add(this.list, "svg", { viewBox: `0 0 ${width} 34`, height: 34, role: "img", "aria-label": label });
    add(svg, "line", { x1: 10, x2: width - 10, y1: 12, y2: 12, class: "rl-grid" });
    for (const value of ticks(from, to, 4)) {
      add(svg, "text", { x: x(value), y: 32, "text-anchor": value === from ? "start" : value === to ? "end" : "middle" }, short(value));
    }
    for (const [i, value] of group.flatMap((end) => [...end.counts.entries()])) {
      if (Number.isFinite(value)) add(svg, "path", { d: shape(i, x(value), 12, 5), class: `rl-end rl-side${i}` });
    }
  }
}
