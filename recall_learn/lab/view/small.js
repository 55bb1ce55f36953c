// Small things: elements, numbers, and the scale of a knob.
const SVG = "http://www.w3.org/2000/svg";

function add(parent, name, attributes = {}, text) {
  const drawn = name === "svg" || parent.namespaceURI === SVG;
  const made = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

// Writes only what differs: a screen reader is not told twice, and a frame costs little.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function put(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const digits = (value, count) => Number(value.toPrecision(count));

// JSON has no infinity: there it is "inf".
const number = (value) => (value === "inf" ? Infinity : value);
const json = (value) => (value === Infinity ? "inf" : value);

// Three significant digits.
function short(value) {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  const text = String(digits(value, Math.abs(value) >= 100 && Math.abs(value) < 1e6 ? Math.round(value).toString().length : 3));
  return text.replace("-", "−");
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// lambda(t) = 1 / (1 + exp(-k (t - t0))), as recall_learn.theory.annealing.Sigmoid has it.
function sigmoid(k, t0, t) {
  const late = t - t0;
  const x = late === 0 || k === 0 ? 0 : k * late;
  const small = Math.exp(-Math.abs(x));
  return (x < 0 ? small : 1) / (1 + small);
}

// Where a knob can stand, as a list of values: its notches, else about a hundred between its ends.
function stops(knob) {
  const low = number(knob.low), high = number(knob.high), values = new Set();
  if (knob.notches) knob.notches.forEach((value) => values.add(number(value)));
  else {
    const floor = low > 0 ? low : high / 1e4, count = knob.whole ? Math.min(high - low, 100) : 100;
    if (low <= 0 || !knob.log) values.add(low);
    for (let i = 0; i <= count; i++) {
      const value = digits(knob.log ? floor * (high / floor) ** (i / count) : low + ((high - low) * i) / count, knob.log ? 2 : 6);
      values.add(clamp(knob.whole ? Math.round(value) : value, low, high));
    }
  }
  if (knob.infinite) values.add(Infinity);
  return [...values].sort((a, b) => a - b);
}

// The stop that is nearest to a value.
function nearest(values, value) {
  let best = 0;
  const far = (i) => (values[i] === value ? -1 : Math.abs(values[i] - value));
  for (let i = 1; i < values.length; i++) if (far(i) < far(best)) best = i;
  return value === Infinity ? values.length - 1 : best;
}

// A value that a hand drew: three digits, within the knob's range.
function within(knob, value) {
  if (value === Infinity && knob.infinite) return value;
  const kept = clamp(knob.whole ? Math.round(value) : digits(value, 3), number(knob.low), number(knob.high));
  return Object.is(kept, -0) ? 0 : kept;
}

// "M0 1L2 3" of points; a point without a value ends the line there.
function path(points) {
  let text = "", open = false;
  for (const [x, y] of points) {
    const there = Number.isFinite(y);
    if (there) text += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    open = there;
  }
  return text;
}

// About `count` round numbers from low to high.
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [5, 4, 3, 2, 1].map((each) => each * power).find((each) => each <= rough * 1.001);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(digits(i * step, 10));
  return found;
}
