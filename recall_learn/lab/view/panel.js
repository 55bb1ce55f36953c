// Presets, buttons, where the run is, and what a new run would begin with.
const DOES = {
  Start: "Train, or stop after a step",
  Step: "Take one step",
  Undo: "Take the last change back",
  Reset: "Begin anew",
  Save: "Keep this run, with all changes, in a file",
  Again: "Train with another seed",
  Open: "Play a saved run",
  Link: "Copy a link to this run",
};

const span = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

// Said where nobody has anything to say.
const HINTS = {
  new: "Press Start: the run and its twin train on the same batches.",
  running: "Drag the curve or a slider: it acts from the next step.",
  paused: "What you set now acts when the run goes on.",
  done: "Drag the curve and run again; another seed shows what is chance.",
};

class Panel {
  constructor(view, parent) {
    const { session } = view, { begin } = session;
    Object.assign(this, { view, buttons: {} });
    this.presets = this.chips(parent, begin.presets || []);
    const bar = add(parent, "div", { class: "rl-bar", role: "group", "aria-label": "Run" });
    this.button(bar, "Start", () => this.go()).classList.add("rl-go");
    if (view.small) this.button(bar, "Undo", () => session.undo());
    else {
      this.button(bar, "Step", () => session.send({ type: "step", steps: 1 }));
      this.button(bar, "Undo", () => session.undo());
      this.button(bar, "Reset", () => this.reset());
      if ((begin.can || []).includes("seed")) this.button(bar, "Again", () => session.send({ type: "again", seed: "next" }), "Another seed");
      this.files(bar, begin.can || []);
    }
    this.bar = add(add(parent, "div", { class: "rl-progress", role: "progressbar", "aria-label": "steps taken", "aria-valuemin": 0 }), "i");
    const line = add(view.small ? bar : parent, "div", { class: "rl-told" });
    this.message = add(line, "p", { role: "status" });
    this.status = add(line, "p", { class: "rl-status" });
  }

  chips(parent, presets) {
    if (!presets.length || this.view.small) return [];
    const row = add(parent, "div", { class: "rl-presets", role: "group", "aria-label": "Stories to begin with" });
    return presets.map((preset, i) => {
      const chip = add(row, "button", { type: "button", title: preset.story, "data-key": `preset-${i}` }, preset.name);
      this.view.on(chip, "click", () => this.view.session.send({ type: "preset", name: preset.name }));
      return { preset, chip };
    });
  }

  button(parent, name, act, text = name) {
    const made = add(parent, "button", { type: "button", title: DOES[name] || text, "data-key": `button-${name}` }, text);
    this.view.on(made, "click", act);
    this.buttons[name] = made;
    return made;
  }

  files(row, can) {
    const { session } = this.view;
    if (can.includes("save")) {
      const file = session.begin.engine === "page"; // it goes where the browser puts files
      const name = add(row, "input", { type: "text", "aria-label": "name of what is saved", "data-key": "name", ...(file && { hidden: "" }) });
      name.value = file ? "recall-lab.json" : "runs/lab";
      this.button(row, "Save", () => session.send({ type: "save", name: name.value }));
    }
    if (can.includes("open")) {
      const file = add(row, "input", { type: "file", accept: ".json,application/json", hidden: "" });
      this.view.on(file, "change", async () => {
        const text = await file.files[0]?.text();
        file.value = "";
        if (text !== undefined) session.send({ type: "open", text });
      });
      this.button(row, "Open", () => file.click());
    }
    if (can.includes("link")) {
      const button = this.button(row, "Link", () => {
        Object.assign(shown, { value: location.href, hidden: false });
        shown.select();
        navigator.clipboard?.writeText(location.href).then(() => say(button, "Link copied"), () => {});
      });
      const shown = add(row, "input", { readonly: "", hidden: "", "aria-label": "link to this run" });
    }
  }

  // What the one large button does now, and what it sends.
  get next() {
    const { state } = this.view.session.state, asked = Boolean(this.view.setup?.changed.length);
    if (state === "done") return ["Run again", "anew"];
    if (asked && !this.view.session.busy) return [state === "new" ? "Start" : "Start anew", "anew"];
    return { loading: ["Cancel", "cancel"], running: ["Pause", "pause"], new: ["Start", "start"] }[state] || ["Go on", "start"];
  }

  go() {
    const [, type] = this.next;
    if (type === "anew") this.reset({ start: true });
    else this.view.session.send({ type });
  }

  reset(more = {}) {
    this.view.session.send({ type: "reset", setup: this.view.setup?.wanted() || {}, ...more });
  }

  draw() {
    const { view, buttons } = this, { session } = view, { begin, state } = session, closed = state.state === "closed";
    say(buttons.Start, this.next[0]);
    put(buttons.Start, "data-does", this.next[0]);
    const bad = this.view.setup?.wrong || "", never = closed || Boolean(bad);
    buttons.Start.disabled = this.next[1] === "anew" ? never : closed;
    buttons.Undo.hidden = this.view.small && !session.gestures.length;
    if (buttons.Step) {
      buttons.Step.disabled = closed || session.busy || state.state === "done";
      buttons.Undo.disabled = !session.gestures.length;
      buttons.Reset.disabled = never;
      for (const name of ["Start", "Reset"]) put(buttons[name], "title", buttons[name].disabled && bad ? bad : DOES[name]);
      buttons.Reset.classList.toggle("rl-asked", Boolean(this.view.setup?.changed.length));
    }
    const steps = session.step, parts = [`step ${steps} of ${begin.steps}`];
    if (session.busy && state.speed) parts.push(`${short(digits(state.speed, 2))} steps/s`);
    if (session.busy && Number.isFinite(state.left)) parts.push(`${span(state.left)} left`);
    say(this.status, parts.join(" · "));
    this.bar.style.width = `${(100 * steps) / begin.steps}%`;
    put(this.bar.parentNode, "aria-valuemax", begin.steps);
    put(this.bar.parentNode, "aria-valuenow", steps);
    for (const { preset, chip } of this.presets) put(chip, "aria-pressed", begin.note === preset.story);
    const wrong = session.refused || bad || state.error;
    this.message.classList.toggle("rl-wrong", Boolean(wrong));
    const told = session.compared || session.saved || state.text;
    const story = session.gestures.length ? "" : begin.note; // a hand has left it
    const hint = this.hint(state.state);
    say(this.message, wrong || [story, told].filter(Boolean).join(" ") || (view.small ? "" : hint));
    if (view.small) say(view.ended, hint);
  }

  // Where nobody has anything to say; at the end what came of it.
  hint(state) {
    const { session, small } = this.view, found = state === "done" && session.evaluated(Infinity);
    if (!found) return (!small && HINTS[state]) || "";
    const told = session.begin.sides.map(({ name }, i) => `${name} ${session.told(found[i])}`).join(", ");
    const before = session.ends.at(-2);
    if (!small) return `${told}. ${HINTS.done}`;
    return `${told}. ${before ? `The run before ${before.told}` : "Drag the curve and run again"}.`;
  }
}

// What is right in a field, in words.
function right({ low, high, whole, open_low: above, open_high: under }) {
  const [bottom, top] = [low, high].map((end) => Number.isFinite(end)), kind = whole ? "a whole number" : "a number";
  if (!bottom) return top ? `${kind} ${under ? "under" : "of at most"} ${high}` : kind;
  if (!top) return `${kind} ${above ? "above" : "of at least"} ${low}`;
  return above || under ? `${kind} in ${above ? "(" : "["}${low}, ${high}${under ? ")" : "]"}` : `${kind} from ${low} to ${high}`;
}

function fits({ low, high, whole, open_low: above, open_high: under }, value) {
  if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) return false;
  return (low ?? -Infinity) <= value && value <= (high ?? Infinity) && !(above && value === low) && !(under && value === high);
}

// What acts in a new run only.
class Setup {
  constructor(view, parent) {
    const { begin } = view.session;
    Object.assign(this, { view, fields: [] });
    this.box = add(parent, "details", { class: "rl-setup" });
    add(this.box, "summary", { "data-key": "setup" }, "Set up another run");
    this.words = add(this.box, "p", { role: "status" });
    this.row = add(this.box, "div", { class: "rl-fields" });
    for (const field of begin.setup || []) this.fields.push(this.field(field));
    this.start = add(this.box, "button", { type: "button", "data-key": "button-these" }, "Start with these");
    view.on(this.start, "click", () => view.parts[0].reset({ start: true }));
  }

  field(field) {
    const box = add(this.row, "div"), label = add(box, "label", { title: field.help || "" });
    add(label, "span", {}, field.label);
    const values = field.choices?.map((choice) => choice.value ?? choice);
    const limits = Object.fromEntries([["min", field.low], ["max", field.high]].filter(([, end]) => Number.isFinite(end)));
    const typed = typeof number(field.value) === "number" && field.value !== "inf";
    const kind = typed ? { type: "number", step: field.whole ? 1 : "any", ...limits } : { type: "text" };
    const input = values ? add(label, "select") : add(label, "input", kind);
    put(input, "data-key", `field-${field.key}`);
    field.choices?.forEach((choice) => add(input, "option", {}, String(choice.title ?? choice)));
    const made = { field, input, values, typed };
    if (typed && !values) {
      made.range = add(box, "small", { id: `${this.view.name}-${field.key}` });
      put(input, "aria-describedby", made.range.id);
    }
    this.view.on(input, "input", () => {
      made.touched = true;
      this.view.session.refused = "";
      this.view.wanted();
    });
    return made;
  }

  value({ field, input, values, typed }) {
    if (values) return values[input.selectedIndex];
    return typed && input.value.trim() !== "" ? Number(input.value) : input.value;
  }

  get changed() {
    return this.fields.filter((each) => each.touched && this.value(each) !== each.shown);
  }

  // Why no run can begin with what stands here; "" where it can.
  get wrong() {
    const found = this.changed.find((each) => each.range && !fits(each.field, this.value(each)));
    return found ? `${found.field.label} is ${found.input.value || "no number"}; it has to be ${right(found.field)}.` : "";
  }

  // What differs from the run that is there.
  wanted() {
    return Object.fromEntries(this.changed.map((each) => [each.field.key, this.value(each)]));
  }

  draw() {
    const { begin } = this.view.session;
    (begin.setup || []).forEach(({ value }, i) => {
      const made = this.fields[i];
      if (made.id === begin.id && made.shown === value) return;
      Object.assign(made, { id: begin.id, shown: value, touched: false });
      if (made.values) made.input.selectedIndex = made.values.indexOf(value);
      else made.input.value = value ?? "";
    });
    for (const made of this.fields.filter((each) => each.range)) {
      const wrong = made.touched && !fits(made.field, this.value(made));
      put(made.input, "aria-invalid", wrong);
      made.range.classList.toggle("rl-wrong", wrong);
      say(made.range, `${wrong ? "has to be " : ""}${right(made.field)}`);
    }
    const many = this.changed.length, { wrong } = this;
    say(this.words, many && !wrong ? "Press Start with these, or Reset: they act in a new run." : "What you change here acts in a new run.");
    for (const each of [this.words, this.start]) each.classList.toggle("rl-asked", many > 0 && !wrong);
    this.start.disabled = Boolean(wrong) || this.view.session.state.state === "closed";
    put(this.start, "title", wrong || "Begin anew with what stands here, and train");
  }
}
