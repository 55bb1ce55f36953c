// The explorer of recorded runs: a model apart from its view. A classic script: it runs from file://, too, and in a
// notebook's output. It fetches nothing and trains nothing; its data is what recall_learn/lab/explorer.py made.
(function () {
  "use strict";

  const { short, range, median, spread, band, listed, add, axes: framed, roomy, path, area } = window.recallDrawing;
  const ALL = "all"; // of the seeds, where no one run is picked out

  // lambda(t) of the sigmoid schedule, as recall_learn.theory.annealing.Sigmoid has it.
  function lambda(k, t0, t) {
    const late = t - t0;
    const x = late === 0 || k === 0 ? 0 : k * late;
    const small = Math.exp(-Math.abs(x));
    return (x < 0 ? small : 1) / (1 + small);
  }

  const text = (value) => (value === Infinity ? "∞" : String(value));
  const number = (value) => (value === "inf" ? Infinity : value);

  const axes = (data) => Object.keys(data.axes);

  // Whether lambda changes in the runs of a method, as k and t0 say.
  const scheduled = (data, state) => data.scheduled.includes(state.method);

  // The settings that matter: a method may lack some, and at k = 0 lambda is 1/2 whatever t0 is.
  function matters(data, state, axis) {
    if ((data.lacks[state.method] || []).includes(axis)) return false;
    return !(axis === "t0" && scheduled(data, state) && state.k === 0);
  }

  // The recorded runs of a state, one a seed: never those of another one.
  function found(data, state) {
    const asked = axes(data).filter((axis) => matters(data, state, axis) && !(axis === "seed" && state.seed === ALL));
    return data.runs.filter((run) => asked.every((axis) => number(run[axis]) === state[axis]));
  }

  const find = (data, state) => found(data, state)[0] || null;

  // Plain fine-tuning of the same task with the same seeds; with all that it has where none is there to go beside.
  function twins(data, state) {
    const plain = found(data, { ...state, method: data.plain }), seeds = found(data, state).map((run) => run.seed);
    return seeds.length ? plain.filter((run) => seeds.includes(run.seed)) : plain;
  }

  // The values of an axis for which a run is there, all else equal.
  function recorded(data, state, axis) {
    return data.axes[axis].map(number).filter((value) => find(data, { ...state, [axis]: value }));
  }

  // The values that a control offers: those of the task's runs, and those that the reader came with.
  function choices(data, state, axis, came) {
    const of = (run) => axis === "task" || run.task === state.task;
    const there = new Set(data.runs.filter(of).map((run) => number(run[axis])).concat(state[axis], came[axis]));
    const values = data.axes[axis].map(number).filter((value) => there.has(value));
    return axis === "seed" ? [ALL, ...values] : values;
  }

  // What to change so that there is a run: the nearest value along each axis that has one, and within a task several at once where none has.
  function nearest(data, state) {
    const away = (axis, value) => {
      const values = data.axes[axis].map(number);
      return Math.abs(values.indexOf(value) - values.indexOf(state[axis]));
    };
    const offers = [];
    const able = [...axes(data).filter((axis) => !["task", "method"].includes(axis)), "task"];
    for (const axis of able.filter((axis) => matters(data, state, axis))) {
      const able = axis === "seed" ? [ALL].filter((seed) => find(data, { ...state, seed })) : recorded(data, state, axis);
      if (able.length) offers.push({ [axis]: able.sort((a, b) => away(axis, a) - away(axis, b))[0] });
    }
    if (offers.some((offer) => !("task" in offer))) return offers;
    const others = data.runs.filter((run) => run.task === state.task).map((run) => {
      const apart = axes(data).filter((axis) => run[axis] !== null && ![number(run[axis]), axis === "seed" && ALL].includes(state[axis]));
      const far = apart.reduce((sum, axis) => sum + away(axis, number(run[axis])), 0);
      return [run.method === state.method ? 0 : 1, apart.length, far, Object.fromEntries(apart.map((axis) => [axis, number(run[axis])]))];
    });
    others.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    return [...others.slice(0, 1).map((other) => other[3]), ...offers];
  }

  function write(state) {
    return "#explore&" + Object.keys(state).map((axis) => `${axis}=${encodeURIComponent(state[axis] === Infinity ? "inf" : state[axis])}`).join("&");
  }

  // What an address names: [name, word, value] each, the value undefined where no run has it.
  function named(data, hash) {
    if (!hash.startsWith("#explore&")) return [];
    return hash.slice(9).split("&").filter(Boolean).map((part) => {
      const [axis, word] = [part.split("=", 1)[0], part.split("=").slice(1).join("=")].map(worded);
      const meant = ["inf", "∞"].includes(word) ? Infinity : word.trim() ? Number(word) : NaN;
      const known = axes(data).includes(axis) ? [...data.axes[axis].map(number), ...(axis === "seed" ? [ALL] : [])] : [];
      return [axis, word, known.find((value) => value === word || value === meant)];
    });
  }

  // A piece of an address as a reader would write it; of a torn one, what is there.
  function worded(raw) {
    try {
      return decodeURIComponent(raw);
    } catch {
      return raw;
    }
  }

  // The state that an address names; what it does not name, or names wrongly, is as in `start`.
  function read(data, hash, start) {
    const known = named(data, hash).filter(([, , value]) => value !== undefined);
    return { ...start, ...Object.fromEntries(known.map(([axis, , value]) => [axis, value])) };
  }

  // What it names in vain, in one sentence with what there is; "" where it names nothing in vain.
  function unknown(data, hash, state) {
    const cut = (word) => (word.length > 40 ? `${word.slice(0, 40)}…` : word);
    const told = named(data, hash).filter(([, , value]) => value === undefined).map(([axis, word]) => {
      if (!axes(data).includes(axis)) return `${cut(axis.trim()) || "a setting without a name"} (the settings are ${axes(data).join(", ")})`;
      const there = choices(data, state, axis, state).filter((value) => value !== ALL).map(text).join(", ");
      return `${axis} ${cut(word.trim()) || "without a value"} (recorded: ${there})`;
    });
    const listed = told.length > 1 ? `${told.slice(0, -1).join(", ")} and ${told[told.length - 1]}` : told.join();
    return told.length ? `The address names ${listed}, which the explorer does not have. ` : "";
  }

  const percent = (share) => `${Math.round(100 * share)} %`;

  // What tells how much of the pretraining is left: its name in a sentence, and over its chart.
  const KEPT = {
    source_loss: ["source loss", "Source loss, nats a hidden word"],
    similarity: ["correlation on STS-B", "Zero-shot rank correlation on STS-B"],
  };

  // The last values of a column, one a run.
  const ends = (runs, column) => runs.filter((run) => run[column] && run[column].length).map((run) => run[column][run[column].length - 1]);

  // Whether the ranges of two lists of several numbers meet, in words; "" where one of them has no range.
  function meet(mine, plain) {
    if (mine.length < 2 || plain.length < 2) return "";
    const [[low, high], [least, most]] = [range(mine), range(plain)];
    return low > most || high < least ? "do not meet" : "overlap";
  }

  // At most three lines on where the reader is.
  function explain(data, state) {
    const steps = data.steps[state.task], runs = found(data, state), many = state.seed === ALL;
    const stopped = runs.filter((run) => run.stopped).map((run) => `${many ? `Seed ${run.seed}` : "This run"} stopped: ${run.stopped}`);
    if (state.method === data.plain) return ["Plain fine-tuning: nothing asks for what was pretrained.", ...stopped];
    if (!scheduled(data, state)) return [...stopped, ...compared(data, state)];
    const first = lambda(state.k, state.t0, 1), last = lambda(state.k, state.t0, steps);
    let where;
    if (state.k === 0) where = "k = 0: lambda is 1/2 for ever. Both losses weigh the same; the pull never fades.";
    else if (last < 0.9) where = `So slow a shift that lambda ends at ${short(last)}: the task never takes over.`;
    else if (first > 0.1) where = `So slow a shift that it has begun before step 1: lambda starts at ${short(first)}.`;
    else if (state.k * steps > 150) where = `Nearly a switch: held for ${state.t0} steps, then plain fine-tuning for ${steps - state.t0}.`;
    else where = `Held at first; from 10 % to 90 % in ${Math.round(4.394449 / state.k)} steps around step ${state.t0}.`;
    return [where, ...stopped, ...compared(data, state)];
  }

  // What the runs ended with beside plain fine-tuning of the same seeds.
  function compared(data, state) {
    const kept = data.kept[state.task], runs = found(data, state).filter((run) => !run.stopped);
    const plain = twins(data, state).filter((run) => !run.stopped && runs.some(({ seed }) => seed === run.seed));
    if (!runs.length) return [];
    const parts = [];
    const away = [runs, plain].map((each) => ends(each, "distance"));
    if (away[0].length && away[0].length === away[1].length) parts.push(`${runs.length > 1 ? "they end" : "it ends"} at ${percent(median(away[0]) / median(away[1]))} of plain fine-tuning's distance`);
    const begun = runs.filter((run) => run[kept]).map((run) => run[kept][0]);
    if (begun.length) parts.push(`${KEPT[kept][0]} ${short(median(begun))} → ${spread(ends(runs, kept))}`);
    const met = [[kept, KEPT[kept][0]], ["score", "score"]].map(([column, words]) => [words, meet(ends(runs, column), ends(plain, column))]);
    const said = ["do not meet", "overlap"].map((way) => [way, met.filter(([, each]) => each === way).map(([words]) => `in ${words}`)]).filter(([, where]) => where.length);
    return [
      parts.length ? `${runs.length > 1 ? "By their medians" : "In this run"} ${parts.join("; ")}.` : "",
      said.length ? `Its range over the seeds and plain fine-tuning's ${said.map(([way, where]) => `${way} ${where.join(" and ")}`).join(", and ")}.` : "",
    ].filter(Boolean);
  }

  const seeded = (runs) => `seed${runs.length > 1 ? "s" : ""} ${listed(runs.map((run) => run.seed))}`;
  const counted = (runs) => `${runs.length} seed${runs.length > 1 ? "s" : ""} (${listed(runs.map((run) => run.seed))})`;

  // What line and band stand for, and what is missing for them to stand for more.
  function spans(data, state) {
    const wide = { ...state, seed: ALL }, runs = found(data, wide), plain = twins(data, state);
    const every = [...new Set(data.runs.filter((run) => run.task === state.task).map((run) => run.seed))], one = state.seed !== ALL;
    if (!(one ? find(data, state) : runs.length)) return plain.length ? `Drawn is plain fine-tuning alone, ${counted(plain)}.` : "";
    const told = [];
    if (one) told.push(`The line is seed ${state.seed}.`);
    if (runs.length === 1) told.push("One seed is recorded for this setting, so there is no band: how far another seed would lie, one run cannot say.");
    else told.push(`${one ? "The band behind it is" : `The line is the median of ${counted(runs)} at each step, the band`} the full range of ${one ? counted(runs) : "these"}${runs.length < every.length ? `; other settings of this task have up to ${every.length}, and a range of fewer seeds is narrower` : ""}.`);
    if (runs.some((run) => run.stopped)) told.push(`Where ${seeded(runs.filter((run) => run.stopped))} stopped, the others go on alone.`);
    if (state.method !== data.plain) {
      const mine = found(data, state), lacking = mine.filter((run) => !plain.some(({ seed }) => seed === run.seed));
      if (!plain.length) told.push("Plain fine-tuning is not recorded with the same.");
      else told.push(`Plain fine-tuning, dashed, has the same ${mine.length > 1 ? "seeds" : "seed"}${lacking.length ? `, but for ${seeded(lacking)}` : ""}.`);
    }
    return told.join(" ");
  }

  // ---- the view

  const COLOURS = { run: "#0072B2", plain: "#D55E00" };

  // One chart over the steps: {title, range}, and lines {name, colour, dash, points, back} with points as `band` has them.
  function chart(figure, { title, range: frame }, lines, steps, mark) {
    figure.replaceChildren();
    const shown = lines.filter(({ points }) => points.length), log = Boolean(frame) && frame[0] > 0;
    const end = ([, low, middle, high]) => `${short(middle)}${low < high ? ` (${short(low)} to ${short(high)})` : ""}`;
    const ended = shown.filter(({ back }) => !back).map(({ name, points }) => `${name} ${end(points[points.length - 1])}`).join(", ");
    add(figure, "figcaption", {}, `${title}${log ? ", logarithmic" : ""}`);
    const values = shown.flatMap(({ points }) => points.flatMap((point) => point.slice(1))), [low, high] = frame || (values.length ? range(values) : [0, 1]);
    const { svg, x, y } = framed(figure, 300, 200, { title: "steps", range: [0, steps] }, { range: low < high ? [low, high] : roomy([low, high], log), log }, `${title} over ${steps} steps. At the end: ${ended || "nothing recorded"}.`);
    svg.setAttribute("role", "img");
    if (mark !== null) add(svg, "line", { x1: x(mark), x2: x(mark), y1: 10, y2: 160, class: "mark" });
    for (const { points, colour } of shown) {
      if (points.some(([, least, , most]) => least < most)) add(svg, "path", { d: area(points, x, y), fill: colour, class: "band" });
    }
    for (const { points, colour, dash } of shown.filter(({ back }) => !back)) {
      add(svg, "path", { d: path(points.map((point) => point[0]), points.map((point) => point[2]), x, y), stroke: colour, "stroke-dasharray": dash, class: "curve" });
    }
    add(figure, "p", { class: "ends" }, ended ? `At the end: ${ended}` : "Nothing recorded.");
  }

  const panels = (data, task) => [
    ["loss", `Task loss, ${data.losses[task]}, mean since the last point`],
    [data.kept[task], KEPT[data.kept[task]][1]],
    ["distance", "Distance to θ*, Euclidean"],
    ["score", `${data.metrics[task][0].toUpperCase()}${data.metrics[task].slice(1)} on ${task}`],
  ];

  function mount(el, data, { link = false } = {}) {
    const start = Object.fromEntries(Object.entries(data.start).map(([axis, value]) => [axis, number(value)]));
    const asked = link && location.hash.startsWith("#explore&"); // the reader came for a setting
    let state = link ? read(data, location.hash, start) : start;
    let came = state; // as the reader came to this task
    let missed = link ? unknown(data, location.hash, state) : ""; // what the address names in vain, in words
    el.replaceChildren();
    el.classList.add("recall-explorer");
    const controls = add(el, "div", { class: "controls" });
    const inputs = {};
    for (const axis of axes(data)) {
      const label = add(controls, "label");
      add(label, "span", {}, axis);
      const ranged = data.ranged.includes(axis);
      const input = ranged ? add(label, "input", { type: "range", min: 0, step: 1, "aria-label": axis }) : add(label, "select", { "aria-label": axis });
      const control = { label, input, shown: ranged ? add(label, "span", { class: "value" }) : null, values: [], ranged };
      const set = () => {
        change({ [axis]: control.values[ranged ? input.value : input.selectedIndex] });
      };
      input.addEventListener(ranged ? "input" : "change", set);
      input.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab takes the arrow keys otherwise
      inputs[axis] = control;
    }
    // One place that a screen reader listens to, changed once for whatever moved. A slider says its own value.
    const told = add(el, "div", { "aria-live": "polite", "aria-atomic": "true" });
    const legend = add(el, "p", { class: "legend", "aria-hidden": "true" });
    const keys = [["solid", COLOURS.run], ["dashed", COLOURS.plain]].map(([line, colour]) => {
      const item = add(legend, "span");
      add(item, "i", { style: `border-top: 3px ${line} ${colour}` });
      return { item, words: add(item, "span") };
    });
    const spanned = add(el, "p", { class: "spans" });
    const grid = add(el, "div", { class: "charts" });
    const figures = [null, ...panels(data, state.task)].map(() => add(grid, "figure"));
    const table = add(add(el, "details"), "summary", {}, "The ends of these runs, seed by seed").parentNode;

    function offer(axis, control) {
      const values = choices(data, state, axis, came);
      if (values.join() === control.values.join()) return;
      control.values = values;
      if (control.ranged) control.input.max = values.length - 1;
      else {
        control.input.replaceChildren();
        for (const value of values) add(control.input, "option", { value }, value === ALL ? "all seeds" : data.names[value] || text(value));
      }
    }

    function place() {
      for (const [axis, control] of Object.entries(inputs)) {
        offer(axis, control);
        const { label, input, shown, values, ranged } = control;
        if (ranged) {
          input.value = values.indexOf(state[axis]);
          shown.textContent = `${text(state[axis])} ${data.units[axis] || ""}`.trim();
          input.setAttribute("aria-valuetext", shown.textContent);
        } else input.selectedIndex = values.indexOf(state[axis]);
        input.disabled = !matters(data, state, axis);
        label.classList.toggle("off", input.disabled);
      }
    }

    // Which runs are shown, or that there are none, and what to change to see some.
    function say(runs) {
      const settings = axes(data).filter((axis) => matters(data, state, axis) && state[axis] !== ALL).map((axis) => `${axis} ${text(state[axis])}`).join(", ");
      const which = document.createElement("p"), says = document.createElement("p");
      [which.className, says.className] = ["which", "says"];
      const early = runs.some((run) => run.stopped), many = state.seed === ALL && `${runs.length > 1 ? `the ${runs.length} recorded runs` : "the one recorded run"} with ${settings}, ${runs.length && seeded(runs)}`;
      if (runs.length) which.textContent = `${missed}Shown: ${many || `the recorded run with ${settings}`}${early && !many ? " (it stopped early)" : ""}.`;
      else {
        which.textContent = `${missed}No run was recorded with ${settings}. `;
        for (const setting of nearest(data, state)) {
          const named = Object.entries(setting).map(([axis, value]) => `${axis} = ${text(value)}`);
          const button = add(which, "button", { type: "button" }, named.join(", "));
          button.addEventListener("click", () => {
            change(setting);
            inputs[Object.keys(setting)[0]].input.focus(); // the button is gone
          });
        }
      }
      const [where = "", ...rest] = explain(data, state);
      add(says, "strong", {}, where);
      says.append(` ${rest.join(" ")}`);
      told.replaceChildren(which, says);
    }

    function drawTable(runs, plain) {
      table.querySelectorAll("table").forEach((each) => each.remove());
      table.hidden = !runs.length && !plain.length;
      const shown = panels(data, state.task), rows = add(table, "table"), head = add(rows, "tr");
      for (const words of ["run", "seed", ...shown.map(([, title]) => title)]) add(head, "th", { scope: "col" }, words);
      for (const [name, list] of [[data.names[state.method] || state.method, runs], [data.names[data.plain] || data.plain, plain]]) {
        for (const run of list) {
          const row = add(rows, "tr"), values = shown.map(([column]) => ends([run], column)[0]);
          for (const words of [name, run.seed, ...values.map((value) => (value === undefined ? "" : short(value)))]) add(row, "td", {}, words);
        }
      }
    }

    function draw() {
      const runs = found(data, state), same = state.method === data.plain, plain = same ? [] : twins(data, state), steps = data.steps[state.task];
      const all = state.seed === ALL, back = all || !runs.length ? [] : found(data, { ...state, seed: ALL });
      place();
      say(runs);
      const named = { run: all && runs.length > 1 ? "median" : "this run", plain: all && plain.length > 1 ? "plain's median" : "plain" };
      const colour = same ? COLOURS.plain : COLOURS.run;
      keys[0].item.hidden = !runs.length;
      keys[0].item.firstChild.style.borderTopColor = colour;
      keys[0].words.textContent = all ? (runs.length > 1 ? "median of these runs, band: all seeds" : "this run, the only seed") : "this run";
      keys[1].item.hidden = !plain.length;
      keys[1].words.textContent = `plain fine-tuning, ${runs.length ? `same seed${runs.length > 1 ? "s" : ""}` : counted(plain)}`;
      spanned.textContent = spans(data, state);
      const over = Array.from({ length: 151 }, (_, i) => 1 + (i * (steps - 1)) / 150);
      const moves = scheduled(data, state);
      const curve = moves ? over.map((t) => [t, ...Array(3).fill(lambda(state.k, state.t0, t))]) : [];
      const mark = moves && matters(data, state, "t0") && state.t0 <= steps ? state.t0 : null;
      chart(figures[0], { title: "λ(t), weight of the task", range: [0, 1] }, [{ name: "λ", colour: COLOURS.run, dash: "", points: curve }], steps, mark);
      panels(data, state.task).forEach(([column, title], i) => {
        const lines = [
          { name: named.plain, colour: COLOURS.plain, dash: "5 4", points: band(plain, column) },
          { colour, points: band(back, column), back: true },
          { name: named.run, colour, dash: "", points: band(runs, column) },
        ];
        chart(figures[i + 1], { title, range: (data.ranges[state.task] || {})[column] }, lines, steps, mark);
      });
      drawTable(runs, plain);
      el.dataset.state = write(state);
    }

    // The address follows what a reader does, and stays as it was until then.
    function change(setting) {
      state = { ...state, ...setting };
      if (setting.task !== undefined) came = state;
      missed = "";
      draw();
      if (link) history.replaceState(null, "", write(state));
    }
    if (link) window.addEventListener("hashchange", () => {
      const asked = location.hash.startsWith("#explore&"), before = missed;
      missed = "";
      if (asked || !location.hash) { // else it is another place of the page, and the run stays
        if (location.hash !== write(state)) came = state = read(data, location.hash, start);
        missed = unknown(data, location.hash, state);
      } else if (!before) return;
      draw();
      if (asked) el.scrollIntoView();
    });
    draw();
    if (asked) el.scrollIntoView();
  }

  window.recallExplorer = { lambda, matters, found, twins, recorded, choices, nearest, write, read, unknown, short, spans, explain, mount };
  recallDrawing.each("recall-explore", "recall-explorer", (el, data) => mount(el, data, { link: el.id === "explore" }));
})();
