// What the explorer and the chart draw with: elements, controls, bands over seeds, round numbers, axes. A classic script,
// loaded before them.
(function () {
  "use strict";

  const number = (value) => value !== null && value !== undefined;

  const range = (values) => [Math.min(...values.filter(number)), Math.max(...values.filter(number))];

  // Three significant digits, in full.
  const short = (value) => String(Number(Number(value).toPrecision(3)));

  function median(values) {
    const found = values.filter(number).sort((a, b) => a - b), half = found.length >> 1;
    return found.length % 2 ? found[half] : (found[half - 1] + found[half]) / 2;
  }

  // A median and, where the values differ, their whole range.
  const spread = (values) => {
    const [low, high] = range(values);
    return `${short(median(values))}${low < high ? ` (${short(low)} to ${short(high)})` : ""}`;
  };

  // A column of several runs over the steps: [step, least, median, greatest] of those that have a value there.
  function band(runs, column) {
    const steps = [...new Set(runs.flatMap((run) => run.step || []))].sort((a, b) => a - b);
    const at = (step) => runs.map((run) => run[column] && run[column][run.step.indexOf(step)]).filter(number);
    return steps.map((step) => [step, at(step)]).filter(([, values]) => values.length).map(([step, values]) => [step, range(values)[0], median(values), range(values)[1]]);
  }

  // Whole numbers in words, what follows each other as a span: 0 to 2, 4 and 7.
  function listed(numbers) {
    const spans = [];
    for (const each of [...numbers].sort((a, b) => a - b)) {
      const last = spans[spans.length - 1];
      if (last && each === last[1] + 1) last[1] = each;
      else spans.push([each, each]);
    }
    const words = spans.flatMap(([first, last]) => (last > first + 1 ? [`${first} to ${last}`] : last > first ? [first, last] : [first]));
    return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}` : words.join();
  }

  // Where an axis is marked: in steps of 1, 2 or 5 times a power of ten. A logarithmic one has the powers of ten, with 2
  // and 5 or more between them where that is too few, and even steps where it is short.
  function ticks(low, high, log) {
    if (log) {
      for (const steps of [[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]]) {
        const found = [];
        for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) found.push(...steps.map((step) => step * 10 ** power));
        const inside = found.map((value) => Number(value.toPrecision(6))).filter((value) => value >= low && value <= high);
        if (inside.length > (steps.length > 1 ? 3 : 2)) return inside;
      }
    }
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9));
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(Number((i * step).toPrecision(6)));
    return found;
  }

  const NS = "http://www.w3.org/2000/svg";

  function add(parent, name, attributes = {}, words) {
    const made = parent.namespaceURI === NS || name === "svg" ? document.createElementNS(NS, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    parent.append(made);
    return made;
  }

  // Axes with their grid in a figure of so many pixels: {svg, x, y}. An axis is {title, range, log, turned}.
  function axes(figure, width, height, across, up, label) {
    const svg = add(figure, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
    const left = 48, right = 14, top = 10, bottom = 40;
    const place = (axis, from, to) => {
      const f = axis.log ? Math.log : (value) => value, [low, high] = axis.range.map(f);
      return (value) => from + ((axis.turned ? high - f(value) : f(value) - low) / (high - low)) * (to - from);
    };
    const x = place(across, left, width - right), y = place(up, height - bottom, top);
    for (const value of ticks(...up.range, up.log)) {
      add(svg, "line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" });
      add(svg, "text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value));
    }
    for (const value of ticks(...across.range).filter((_, i, all) => width > 330 || all.length < 5 || i % 2 === 0)) {
      add(svg, "line", { x1: x(value), x2: x(value), y1: top, y2: height - bottom, class: "grid" });
      add(svg, "text", { x: x(value), y: height - bottom + 16, "text-anchor": "middle" }, short(value));
    }
    add(svg, "text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, across.title);
    const within = (scale, from, to) => (value) => Math.max(from, Math.min(to, scale(value)));
    return { svg, x: within(x, left, width - right), y: within(y, top, height - bottom), inside: (a, b) => [[a, across], [b, up]].every(([value, { range: [low, high] }]) => value >= low && value <= high) };
  }

  // A range with some room, never empty.
  function roomy(values, log) {
    const [low, high] = range(values), one = high - low <= 1e-9 * Math.abs(high); // but for rounding
    if (log) return one ? [low / 1.1, high * 1.1] : [low * (low / high) ** 0.06, high * (high / low) ** 0.06];
    const room = one ? 0.05 : 0.06 * (high - low);
    return [low - room, high + room];
  }

  function field(parent, words, options, value, set) {
    const label = add(parent, "label");
    add(label, "span", {}, words);
    const input = add(label, "select", { "aria-label": words });
    for (const [key, text] of options) add(input, "option", { value: key }, text);
    input.value = value;
    input.addEventListener("change", () => set(input.value));
    input.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab takes the arrow keys otherwise
    return input;
  }

  function tick(parent, words, value, set) {
    const label = add(parent, "label", { class: "tick" });
    const input = add(label, "input", { type: "checkbox" });
    input.checked = value;
    input.addEventListener("change", () => set(input.checked));
    label.append(words);
    return input;
  }

  // A path along points; a value that is not there is passed over.
  function path(xs, ys, x, y) {
    const points = xs.map((value, i) => [value, ys[i]]).filter(([, value]) => number(value));
    return points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
  }

  // The area of a band, from its least values and back along its greatest.
  function area(points, x, y) {
    const along = (edge) => points.map((point) => `${x(point[0]).toFixed(1)} ${y(point[edge]).toFixed(1)}`);
    return `M${[...along(1), ...along(3).reverse()].join("L")}Z`;
  }

  // What a place is to draw from; as gzip packed it, in base64.
  async function unpacked(el) {
    const packed = Uint8Array.from(atob(el.querySelector("script").textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  // Draw each place of a kind that is not drawn yet: a notebook may run this again for every output.
  function each(kind, drawn, mount) {
    document.querySelectorAll(`.${kind}:not(.${drawn})`).forEach(async (el) => {
      el.classList.add(drawn);
      if (!window.DecompressionStream) el.querySelector("p").append(" This browser is too old for it.");
      else mount(el, await unpacked(el));
    });
  }

  window.recallDrawing = { each, number, range, short, median, spread, band, listed, ticks, add, axes, roomy, field, tick, path, area };
})();
