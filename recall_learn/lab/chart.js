// The chart of methods: what each setting reached against what it kept. The view; what it shows, chart_model.js decides. A
// classic script: it runs from file://, too, and in a notebook's output. Its data is what recall_learn/lab/chart.py made.
(function () {
  "use strict";

  const { number, range, short, median, spread, ticks, add, axes, roomy, field, tick, path } = window.recallDrawing;
  const { NEAR, VIEWS, TIMES, MOVES, allowed, best, shown, twins, around, placed, pointed, stands, lines, moved, named, describe, frame, write, read, settled } = window.recallChartModel;

  const SAME = 8; // pixels within which two marks lie at one place
  const MARKS = ["M0 -5A5 5 0 1 1 0 5A5 5 0 1 1 0 -5Z", "M-4.5 -4.5H4.5V4.5H-4.5Z", "M0 -6L5.5 4.5H-5.5Z", "M0 -6.5L6 0L0 6.5L-6 0Z", "M0 6L5.5 -4.5H-5.5Z", "M-2 -6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z", "M0 -6L6 -1.5L3.5 5.5H-3.5L-6 -1.5Z"];

  function mount(el, data, { link = false } = {}) {
    const start = { task: Object.keys(data.tasks)[0], kept: Object.keys(data.kept)[0], view: "", time: "", method: "", point: "", seed: null, missed: "", lacks: [], all: false };
    let state = link ? read(data, location.hash, start) : settled(data, start);
    let at = null, beside = null; // the point that the keyboard is at, the plain rate beside the runs of the one that is looked into
    let open = null; // the place of the point that is looked into, as the state names it
    let spots = []; // [x, y, place] of the points that are drawn
    el.replaceChildren();
    el.classList.add("recall-charted");
    const mark = Object.fromEntries(Object.keys(data.methods).map((method) => {
      const kin = Object.keys(data.methods).filter((other) => data.methods[other].family === data.methods[method].family);
      return [method, MARKS[kin.indexOf(method) % MARKS.length]];
    }));

    const timed = Object.values(data.methods).filter((each) => each.time);
    const controls = add(el, "div", { class: "controls" });
    const inputs = {
      task: field(controls, "task", Object.keys(data.tasks).map((task) => [task, task]), state.task, (task) => change({ task })),
      kept: field(controls, "kept", Object.entries(data.kept).map(([key, { short: words }]) => [key, words]), state.kept, (kept) => change({ kept })),
      view: field(controls, "shown", Object.entries(VIEWS), state.view, (view) => change({ view })),
      time: timed.length ? field(controls, "a step may take", TIMES, state.time, (time) => change({ time })) : {},
    };
    const asks = add(el, "fieldset", { class: "asks" });
    add(asks, "legend", {}, "You have");
    for (const [ask, words] of Object.entries(data.asks)) {
      inputs[ask] = tick(asks, words, !state.lacks.includes(ask), (has) => change({ lacks: has ? state.lacks.filter((each) => each !== ask) : [...state.lacks, ask] }));
    }
    const keys = add(el, "div", { class: "keys", role: "group", "aria-label": "Methods; press one to see it alone" });
    inputs.method = field(add(el, "div", { class: "controls alone" }), "method", [], "", (method) => choose(method));
    inputs.all = tick(add(el, "div"), "the range of the seeds for every method", state.all, (all) => change({ all }));
    const figure = add(el, "figure", { class: "main" });
    const tip = add(el, "div", { class: "tip", hidden: "" });
    const told = add(el, "p", { class: "told", "aria-live": "polite" });
    const panel = add(el, "div", { class: "panel" });
    const table = add(add(el, "details"), "summary", {}, "The same as a table").parentNode;

    // A method that what the reader has rules out has no line, and so it is not seen alone.
    function alone() {
      return lines(data, state).some(([method]) => method === state.method) ? state.method : "";
    }

    function choose(method) {
      const away = method && open !== null && data.points[open].method !== method; // its runs are no longer meant
      change({ method, ...(away ? { point: "", seed: null } : {}) });
    }

    // What names the methods: keys and, on a phone, a list to choose from, for there the lines of all are a tangle.
    function drawKeys() {
      keys.replaceChildren();
      inputs.method.replaceChildren();
      add(inputs.method, "option", { value: "" }, "all, as marks");
      const families = [...new Set(Object.values(data.methods).map((each) => each.family))];
      for (const family of families) {
        const kin = lines(data, state).map(([method]) => method).filter((method) => data.methods[method].family === family);
        if (!kin.length) continue;
        const group = add(keys, "span"), words = family.replace("theta*", "θ*");
        if (family) add(group, "b", { style: `--family: ${data.methods[kin[0]].colour}` }, words);
        const offered = family ? add(inputs.method, "optgroup", { label: words }) : inputs.method;
        for (const method of kin) {
          const key = add(group, "button", { type: "button", "aria-pressed": state.method === method, "data-method": method });
          const svg = add(key, "svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" });
          add(svg, "path", { d: mark[method], fill: data.methods[method].colour });
          key.append(data.methods[method].title);
          add(offered, "option", { value: method }, data.methods[method].title);
          key.addEventListener("click", () => {
            choose(state.method === method ? "" : method);
            const again = keys.querySelector(`[data-method="${method}"]`);
            if (again) again.focus(); // the one that was pressed is gone
          });
        }
      }
      inputs.method.value = alone();
    }

    function hide() {
      tip.hidden = true;
      figure.querySelectorAll(".on, .near").forEach((each) => each.classList.remove("on", "near"));
      figure.classList.toggle("dim", Boolean(alone()));
      for (const method of [state.method, open === null ? "" : data.points[open].method]) {
        figure.querySelectorAll(`[data-method="${method}"]`).forEach((each) => each.classList.add("on"));
      }
    }

    function point(place) {
      hide();
      const { method } = data.points[place];
      figure.classList.add("dim");
      figure.querySelectorAll(`[data-method="${method}"]`).forEach((each) => each.classList.add("on"));
      const under = among(place).length;
      tip.textContent = `${describe(data, state, place)}${under ? ` ${under} more at this place: press to see which.` : ""}`;
      tip.hidden = false;
      figure.querySelector(`[data-place="${place}"]`).classList.add("near");
      const box = el.getBoundingClientRect(), spot = figure.querySelector(`[data-place="${place}"]`).getBoundingClientRect();
      tip.style.left = `${Math.max(0, Math.min(spot.left - box.left - 110, box.width - tip.offsetWidth))}px`;
      tip.style.top = `${spot.bottom - box.top + 6}px`;
    }

    // The other points that lie at the place of one.
    function among(place) {
      const [x, y] = spots.find(([, , other]) => other === place) || [0, 0];
      return around(able(), x, y, SAME).filter((other) => other !== place);
    }

    function look(place) {
      at = place;
      beside = null;
      change({ point: open === place ? "" : pointed(data.points[place]), seed: null });
      const again = figure.querySelector(`[data-place="${place}"]`);
      if (again) again.focus();
      tip.hidden = true; // the panel says it
    }

    function drawPoints() {
      const width = Math.max(280, Math.min(figure.clientWidth || 640, 860)), height = Math.round(Math.max(Math.min(width, 340), Math.min(0.62 * width, 460)));
      const { title, short: words, sign } = data.kept[state.kept], all = lines(data, state), log = sign < 0;
      const points = all.flatMap(([, places]) => places).map((place) => data.points[place]);
      const before = data.tasks[state.task].before[state.kept];
      const plain = state.view === "both" ? [] : data.points.filter((each) => each.task === state.task && each.method === data.plain); // there the frame is that of the points
      const shows = (key, more, axis_log) => roomy(frame(points.flatMap((each) => each[key]).concat(more), plain.flatMap((each) => each[key]).concat(more), axis_log), axis_log);
      figure.replaceChildren();
      figure.classList.toggle("all", state.all);
      add(figure, "figcaption", {}, `${title} (${log ? "less is up" : "more is up"})`);
      const { metric } = data.tasks[state.task];
      const { svg, x, y, inside } = axes(
        figure, width, height,
        { title: `${metric} on ${state.task}`, range: shows("score", [], false) },
        { range: shows(state.kept, number(before) ? [before] : [], log), log, turned: log },
        `${words} against ${metric} on ${state.task}: ${points.length} settings on ${all.length} lines. Arrow keys go from point to point, Enter opens one.`,
      );
      if (number(before)) add(svg, "line", { x1: 48, x2: width - 14, y1: y(before), y2: y(before), class: "before" });
      if (!all.some(([, places]) => places.includes(at))) at = all.length ? all[0][1][0] : null;
      spots = [];
      for (const [method, places] of all) drawLine(svg, x, y, inside, method, places);
      if (open !== null && shown(data, state).includes(open)) drawCriterion(svg, x, y, data.points[open]);
      if (number(before)) add(svg, "text", { x: width - 16, y: y(before) - 8, "text-anchor": "end", class: "said" }, "before any step");
      pick(svg);
    }

    // The points that are not faint: where a method is seen alone, its own and plain fine-tuning's.
    function able() {
      return state.method ? spots.filter(([, , place]) => [state.method, data.plain].includes(data.points[place].method)) : spots;
    }

    // Marks lie over each other, so the one whose middle is nearest is meant.
    function pick(svg) {
      const meant = (event) => {
        const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()); // a figure may be drawn smaller
        const [first = null] = around(able(), x, y, event.pointerType === "touch" ? 24 : 14);
        return first;
      };
      svg.addEventListener("pointermove", (event) => {
        const place = event.pointerType === "touch" ? null : meant(event);
        svg.classList.toggle("over", place !== null);
        if (place === null) hide();
        else point(place);
      });
      svg.addEventListener("pointerleave", hide);
      svg.addEventListener("click", (event) => {
        const place = meant(event);
        if (place !== null) look(place);
      });
    }

    // What "ahead" is said by: one seed of the open point, and plain fine-tuning's rates with that seed.
    function drawCriterion(svg, x, y, point) {
      if (!stands(data, state, point, state.seed)) return;
      const end = (each) => [each.score, each[state.kept]].map((values) => values[each.seeds.indexOf(state.seed)]);
      const line = data.points.filter((each) => each.task === state.task && each.method === data.plain).map(end), [a, b] = end(point);
      const group = add(svg, "g", { class: "criterion", "aria-hidden": "true" });
      const along = path(line.map(([score]) => score), line.map(([, kept]) => kept), x, y);
      for (const given of [{ class: "case" }, { stroke: data.methods[data.plain].colour }]) add(group, "path", { d: along, ...given });
      add(group, "circle", { cx: x(a), cy: y(b), r: 3.5, stroke: data.methods[point.method].colour });
    }

    function drawLine(svg, x, y, inside, method, places) {
      const { colour } = data.methods[method];
      const group = add(svg, "g", { "data-method": method, class: method === data.plain ? "line plain" : "line" });
      const middles = places.map((place) => [x(median(data.points[place].score)), y(median(data.points[place][state.kept]))]);
      add(group, "path", { d: middles.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join(""), stroke: colour, class: "curve" });
      places.forEach((place, i) => {
        const each = data.points[place], [a, b] = middles[i];
        if (each.seeds.length > 1) {
          const [left, right] = range(each.score).map(x), [low, high] = range(each[state.kept]).map(y);
          add(group, "path", { d: `M${left} ${b}H${right}M${a} ${low}V${high}`, stroke: colour, class: "spread" });
        }
        const out = !inside(median(data.points[place].score), median(data.points[place][state.kept]));
        const spot = add(group, "g", { transform: `translate(${a.toFixed(1)} ${b.toFixed(1)})`, class: `spot${place === open ? " open" : ""}${out ? " out" : ""}`, "data-place": place, role: "button", tabindex: place === at ? 0 : -1, "aria-pressed": place === open, "aria-label": describe(data, state, place) });
        spots.push([a, b, place]);
        add(spot, "circle", { r: 11, class: "reach" });
        add(spot, "path", { d: mark[method], fill: out ? "none" : colour, stroke: colour });
        spot.addEventListener("click", (event) => { // a screen reader's; a pointer's reaches the figure alone
          event.stopPropagation();
          look(place);
        });
        spot.addEventListener("focus", () => { at = place; point(place); });
        spot.addEventListener("blur", hide);
        spot.addEventListener("keydown", (event) => {
          if (MOVES.includes(event.key)) {
            const next = moved(data, state, place, event.key);
            figure.querySelectorAll("[data-place]").forEach((other) => other.setAttribute("tabindex", Number(other.dataset.place) === next ? 0 : -1));
            figure.querySelector(`[data-place="${next}"]`).focus();
          } else if (["Enter", " "].includes(event.key)) look(place);
          else if (event.key === "Escape") {
            if (place === open) look(place); // as a second press, it closes
            hide();
          } else return;
          event.preventDefault();
          event.stopPropagation();
        });
      });
    }

    // The runs behind a point: the chosen seed, the others faint, and plain fine-tuning of the same seed, dashed.
    function drawPanel() {
      panel.replaceChildren();
      if (open === null || !shown(data, state).includes(open)) return;
      const each = data.points[open], { colour } = data.methods[each.method], { seed } = state;
      const [plain, like] = twins(data, each, seed), rates = plain.filter((other) => other !== each);
      const other = rates.find(({ label }) => label === beside) || (each.method === data.plain ? null : like);
      const place = each.seeds.indexOf(seed), run = data.runs[each.runs[place]], twin = other && data.runs[other.runs[other.seeds.indexOf(seed)]];
      const again = (words) => panel.querySelector(`[aria-label="${words}"]`).focus(); // the one that was changed is gone
      add(panel, "h4", {}, named(data, each));
      add(panel, "p", {}, describe(data, state, open));
      const said = stands(data, state, each, seed), under = among(open);
      if (said) add(panel, "p", { class: "stands" }, said);
      if (under.length) {
        const here = add(panel, "p", { class: "here" }, "At the same place: ");
        for (const other of under) add(here, "button", { type: "button" }, named(data, data.points[other])).addEventListener("click", () => look(other));
      }
      const row = add(panel, "div", { class: "controls" });
      field(row, "seed", each.seeds.map((value) => [value, value]), seed, (value) => { change({ seed: Number(value) }); again("seed"); });
      if (rates.length) {
        const offered = rates.map(({ label }) => [label, label || data.methods[data.plain].title]);
        field(row, "beside it", other ? offered : [["", "nothing"], ...offered], other ? other.label : "", (value) => { beside = value; drawPanel(); again("beside it"); });
      }
      const legend = [`Bold: seed ${seed}.`];
      if (each.seeds.length > 1) legend.push(`Faint: ${each.seeds.length > 2 ? "the other seeds" : "the other seed"}.`);
      if (twin) legend.push(`Dashed: plain fine-tuning, ${other.label || "same seed"}${other === like ? ", the rate that scores most like it" : ""}.`);
      if (each.frontier) legend.push(`The run was scored at alpha ${short(each.frontier.scored)}, and so are its curves. This point, alpha ${short(each.frontier.alpha)}, was measured when it had ended.`);
      add(panel, "p", { class: "legend" }, legend.join(" "));
      const grid = add(panel, "div", { class: "charts" });
      for (const [column, title] of [["score", data.tasks[state.task].metric], [state.kept, data.kept[state.kept].title]]) {
        const runs = each.runs.map((number) => data.runs[number]).filter((other) => other !== run).map((other) => [other, colour, "faint"]);
        if (twin) runs.push([twin, data.methods[data.plain].colour, "dashed"]);
        drawRuns(add(grid, "figure"), title, column, [...runs, [run, colour, "bold"]]);
      }
      add(add(panel, "p", {}, "Again: "), "code", {}, data.again.join(each.frontier ? each.frontier.commands[place] : run.command));
    }

    function drawRuns(small, title, column, runs) {
      const with_ = runs.filter(([run]) => run[column]), last = (run) => short(run[column][run[column].length - 1]);
      add(small, "figcaption", {}, title);
      if (!with_.length) return;
      const steps = range(with_.flatMap(([run]) => data.steps[run.step])), mine = with_[with_.length - 1][0];
      const { svg, x, y } = axes(small, Math.max(250, Math.min(el.clientWidth || 300, 330)), 210, { title: "steps", range: steps }, { range: roomy(with_.flatMap(([run]) => run[column])) }, `${title} over ${steps[1]} steps: from ${short(mine[column][0])} to ${last(mine)}.`);
      svg.setAttribute("role", "img");
      for (const [run, colour, kind] of with_) add(svg, "path", { d: path(data.steps[run.step], run[column], x, y), stroke: colour, class: `curve ${kind}` });
    }

    function drawTable() {
      table.querySelectorAll("table").forEach((each) => each.remove());
      const rows = add(table, "table"), head = add(rows, "tr");
      for (const words of ["method", "setting", data.tasks[state.task].metric, data.kept[state.kept].short, "seeds", "ahead of plain"]) add(head, "th", { scope: "col" }, words);
      for (const place of lines(data, state).flatMap(([, places]) => places)) {
        const each = data.points[place], row = add(rows, "tr"), against = each.ahead[state.kept];
        for (const words of [data.methods[each.method].title, each.label, spread(each.score), spread(each[state.kept]), each.seeds.length, against ? `${against[0]} of ${against[1]}` : ""]) add(row, "td", {}, words);
      }
    }

    function draw() {
      open = placed(data, state);
      if (open !== null && !data.points[open].seeds.includes(state.seed)) state.seed = data.points[open].seeds[0];
      for (const key of ["task", "kept", "view", "time"]) inputs[key].value = state[key];
      for (const option of inputs.kept.options) option.disabled = !data.tasks[state.task].kept.includes(option.value);
      for (const ask of Object.keys(data.asks)) inputs[ask].checked = !state.lacks.includes(ask);
      drawKeys();
      drawPoints();
      drawPanel();
      drawTable();
      hide();
      el.dataset.state = write(state);
      tell();
    }

    function tell() {
      const here = new Set(data.points.filter((each) => each.task === state.task).map((each) => each.method));
      const gone = Object.keys(data.methods).filter((method) => here.has(method) && !allowed(data, state, method)).map((method) => data.methods[method].title);
      const low = data.points.filter((each) => each.task === state.task && each[state.kept].some(number) && allowed(data, state, each.method) && !best(data, state, each)).length;
      const said = [gone.length ? `Not shown, because they ask for more than you have${state.time ? ", or for more time" : ""}: ${gone.join(", ")}.` : "Up and to the right is better. Point at a mark to read it, press it to see its runs."];
      if (data.methods[data.plain].asks.some((ask) => state.lacks.includes(ask))) said.push("Plain fine-tuning asks for more, too, and stays as what the others are compared with.");
      const why = `score more than ${NEAR} under plain fine-tuning's best${state.view === "both" ? ", or keep less than the middle one of its rates" : ""}`;
      if (low) said.push(`Not shown, because they ${why}: ${low} setting${low > 1 ? "s" : ""}.`);
      if (state.missed) said.unshift(`The address names ${state.missed.slice(0, 60)}, which is not recorded for this task.`);
      if (figure.querySelector(".out")) said.push("A hollow mark lies beyond the frame.");
      told.textContent = said.join(" ");
    }

    function change(setting) {
      state = settled(data, { ...state, ...(setting.task ? { point: "", seed: null } : {}), ...setting, missed: "" });
      draw();
      if (link) history.replaceState(null, "", write(state));
    }
    if (link) window.addEventListener("hashchange", () => {
      if (!location.hash.startsWith("#chart&")) return;
      state = read(data, location.hash, { ...start, all: state.all });
      draw();
      (open === null ? el : panel).scrollIntoView();
    });
    let width = el.clientWidth;
    new ResizeObserver(() => {
      if (el.clientWidth === width) return;
      width = el.clientWidth;
      drawPoints();
      drawPanel();
      hide();
    }).observe(el);
    draw();
    if (link && location.hash.startsWith("#chart&")) (open === null ? el : panel).scrollIntoView();
  }

  window.recallChart = { median, shown, lines, moved, describe, stands, around, ticks, write, read, short, mount };
  recallDrawing.each("recall-chart", "recall-charted", (el, data) => mount(el, data, { link: el.id === "chart" }));
})();
