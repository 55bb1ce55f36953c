// The explorer of recorded runs: a model apart from its view. A classic script: it runs from file://, too, and in a
// notebook's output. It fetches nothing and trains nothing; its data is what recall_learn/lab/explorer.py made.
(function () {
  "use strict";

  const { short, add, path } = window.recallDrawing;

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

  // The recorded run of a state, or null: never another one.
  function find(data, state) {
    return data.runs.find((run) => axes(data).every((axis) => !matters(data, state, axis) || number(run[axis]) === state[axis])) || null;
  }

  // Plain fine-tuning of the same task with the same seed, or null.
  function twin(data, state) {
    return find(data, { ...state, method: data.plain });
  }

  // The values of an axis for which a run is there, all else equal.
  function recorded(data, state, axis) {
    return data.axes[axis].map(number).filter((value) => find(data, { ...state, [axis]: value }));
  }

  // The values that a control offers: those of the task's runs, and those that the reader came with.
  function choices(data, state, axis, came) {
    const of = (run) => axis === "task" || run.task === state.task;
    const there = new Set(data.runs.filter(of).map((run) => number(run[axis])).concat(state[axis], came[axis]));
    return data.axes[axis].map(number).filter((value) => there.has(value));
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
      const found = recorded(data, state, axis).sort((a, b) => away(axis, a) - away(axis, b));
      if (found.length) offers.push({ [axis]: found[0] });
    }
    if (offers.some((offer) => !("task" in offer))) return offers;
    const others = data.runs.filter((run) => run.task === state.task).map((run) => {
      const apart = axes(data).filter((axis) => run[axis] !== null && number(run[axis]) !== state[axis]);
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
      const known = axes(data).includes(axis) ? data.axes[axis].map(number) : [];
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
      const there = choices(data, state, axis, state).map(text).join(", ");
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

  // At most two lines on where the reader is.
  function explain(data, state) {
    const steps = data.steps[state.task], run = find(data, state), plain = twin(data, state);
    const stopped = run && run.stopped ? [`This run stopped: ${run.stopped}`] : [];
    if (state.method === data.plain) return ["Plain fine-tuning: nothing asks for what was pretrained.", ...stopped];
    if (!scheduled(data, state)) return [`${data.names[state.method] || state.method}: there is no schedule.`, ...stopped];
    const first = lambda(state.k, state.t0, 1), last = lambda(state.k, state.t0, steps);
    let where;
    if (state.k === 0) where = "k = 0: lambda is 1/2 for ever. Both losses weigh the same; the pull never fades.";
    else if (last < 0.9) where = `So slow a shift that lambda ends at ${short(last)}: the task never takes over.`;
    else if (first > 0.1) where = `So slow a shift that it has begun before step 1: lambda starts at ${short(first)}.`;
    else if (state.k * steps > 150) where = `Nearly a switch: held for ${state.t0} steps, then plain fine-tuning for ${steps - state.t0}.`;
    else where = `Held at first; from 10 % to 90 % in ${Math.round(4.394449 / state.k)} steps around step ${state.t0}.`;
    if (!run) return [where];
    if (run.stopped) return [where, ...stopped];
    const end = (row, name) => row[name] && row[name][row[name].length - 1];
    const parts = [];
    if (plain && !plain.stopped) parts.push(`it ends at ${percent(end(run, "distance") / end(plain, "distance"))} of plain fine-tuning's distance`);
    const kept = data.kept[state.task];
    if (run[kept]) parts.push(`${KEPT[kept][0]} ${short(run[kept][0])} → ${short(end(run, kept))}`);
    return [where, parts.length ? `In this run ${parts.join("; ")}.` : ""].filter(Boolean);
  }

  // ---- the view

  const COLOURS = { run: "#0072B2", plain: "#D55E00" };
  const WIDTH = 300, HEIGHT = 190, LEFT = 44, RIGHT = 10, TOP = 10, BOTTOM = 26;

  // One chart: lines over the steps, [name, colour, dash, xs, ys] each.
  function chart(figure, title, lines, steps, range, mark) {
    figure.replaceChildren();
    add(figure, "figcaption", {}, title);
    const shown = lines.filter(([, , , , ys]) => ys && ys.length);
    const ends = shown.map(([name, , , , ys]) => `${name} ${short(ys[ys.length - 1])}`).join(", ");
    const svg = add(figure, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title} over ${steps} steps. At the end: ${ends || "nothing recorded"}.` });
    const values = shown.flatMap(([, , , , ys]) => ys).filter((y) => y !== null);
    let [low, high] = range || [Math.min(...values), Math.max(...values)];
    if (!values.length) [low, high] = range || [0, 1];
    if (high === low) [low, high] = [low - 0.5, high + 0.5];
    const x = (step) => LEFT + (step / steps) * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    for (const share of [0, 0.5, 1]) {
      const value = low + share * (high - low);
      add(svg, "line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" });
      add(svg, "text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, short(value));
      add(svg, "text", { x: x(share * steps), y: HEIGHT - 8, "text-anchor": ["start", "middle", "end"][share * 2] }, String(Math.round(share * steps)));
    }
    if (mark !== null) add(svg, "line", { x1: x(mark), x2: x(mark), y1: TOP, y2: HEIGHT - BOTTOM, class: "mark" });
    for (const [, colour, dash, xs, ys] of shown) {
      add(svg, "path", { d: path(xs, ys, x, y), stroke: colour, "stroke-dasharray": dash, class: "curve" });
    }
    add(figure, "p", { class: "ends" }, ends ? `At the end: ${ends}` : "Nothing recorded.");
  }

  const panels = (data, task) => [
    ["loss", "Task loss (mean since the last point)"],
    [data.kept[task], KEPT[data.kept[task]][1]],
    ["distance", "Distance to the pretrained weights"],
    ["score", `${data.metrics[task]} on ${task}`],
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
    const keys = [["solid", COLOURS.run, "this run"], ["dashed", COLOURS.plain, "plain fine-tuning, same seed"]].map(([line, colour, words]) => {
      const item = add(legend, "span");
      add(item, "i", { style: `border-top: 3px ${line} ${colour}` });
      item.append(words);
      return item;
    });
    const grid = add(el, "div", { class: "charts" });
    const figures = [null, ...panels(data, state.task)].map(() => add(grid, "figure"));

    function offer(axis, control) {
      const values = choices(data, state, axis, came);
      if (values.join() === control.values.join()) return;
      control.values = values;
      if (control.ranged) control.input.max = values.length - 1;
      else {
        control.input.replaceChildren();
        for (const value of values) add(control.input, "option", { value }, data.names[value] || text(value));
      }
    }

    function draw() {
      const run = find(data, state), plain = twin(data, state), steps = data.steps[state.task];
      for (const [axis, control] of Object.entries(inputs)) {
        offer(axis, control);
        const { label, input, shown, values, ranged } = control;
        const place = values.indexOf(state[axis]);
        if (ranged) input.value = place;
        else input.selectedIndex = place;
        if (ranged) {
          shown.textContent = text(state[axis]);
          input.setAttribute("aria-valuetext", text(state[axis]));
        }
        input.disabled = !matters(data, state, axis);
        label.classList.toggle("off", input.disabled);
      }
      const settings = axes(data).filter((axis) => matters(data, state, axis)).map((axis) => `${axis} ${text(state[axis])}`).join(", ");
      keys[0].hidden = !run || run === plain;
      keys[1].hidden = !plain;
      const which = document.createElement("p"), says = document.createElement("p");
      [which.className, says.className] = ["which", "says"];
      if (run) which.textContent = `${missed}Shown: the recorded run with ${settings}${run.stopped ? " (it stopped early)" : ""}.`;
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
      says.textContent = explain(data, state).join(" ");
      told.replaceChildren(which, says);
      const over = Array.from({ length: 151 }, (_, i) => 1 + (i * (steps - 1)) / 150);
      const moves = scheduled(data, state);
      const curve = moves ? over.map((t) => lambda(state.k, state.t0, t)) : [];
      const mark = moves && matters(data, state, "t0") && state.t0 <= steps ? state.t0 : null;
      chart(figures[0], "λ(t), weight of the task", [["λ", COLOURS.run, "", over, curve]], steps, [0, 1], mark);
      panels(data, state.task).forEach(([column, title], i) => {
        const lines = [];
        if (plain && plain[column]) lines.push(["plain", COLOURS.plain, "5 4", plain.step, plain[column]]);
        if (run && run !== plain && run[column]) lines.push(["this run", COLOURS.run, "", run.step, run[column]]);
        const range = (data.ranges[state.task] || {})[column];
        chart(figures[i + 1], title, lines, steps, range, mark);
      });
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

  window.recallExplorer = { lambda, matters, find, twin, recorded, choices, nearest, write, read, unknown, short, explain, mount };
  // Each explorer of the page that is not there yet: a notebook may run this again for every output.
  document.querySelectorAll(".recall-explore:not(.recall-explorer)").forEach((el) => {
    mount(el, JSON.parse(el.querySelector("script").textContent), { link: el.id === "explore" });
  });
})();
