// A view: it draws a session at most once a frame, and hears hands.
const SMALL = {
  sentence: "A small BERT learns a task here, twice, on the same batches: once while λ lets its pretraining hold it, and once "
    + "without. Each light is a fact that it knew.",
  question: "Drag the curve: how late may the task take over, and what does it cost?",
};
const SPEAK = 5000; // milliseconds: a screen reader hears of counts no more often
let views = 0;

class View {
  constructor(element, session, options) {
    Object.assign(this, { session, options: { ...SMALL, ...options }, cursor: null, parts: [], built: "" });
    Object.assign(this, { measured: new WeakMap(), frame: 0, spoken: -Infinity });
    this.small = options.size === "small";
    this.name = `rl${++views}`;
    this.ending = new AbortController();
    const about = { role: "region", "aria-label": "The lab", "data-lm-suppress-shortcuts": "true" }; // JupyterLab reads the last
    this.root = add(element, "div", { class: `rl ${this.small ? "rl-small" : ""}`, ...about });
    this.inner = add(this.root, "div", { class: "rl-in" });
    this.live = add(this.root, "p", { class: "rl-hidden", "aria-live": "polite" });
    this.waiting = add(this.inner, "p", { role: "status" });
    this.on(this.root, "keydown", (event) => this.key(event));
    this.on(this.root, "pointerdown", (event) => event.pointerType !== "mouse" && !event.target.closest?.(".rl-plot") && this.look(null));
    this.on(document, "visibilitychange", () => this.wanted());
    this.sizes = new ResizeObserver((entries) => this.resized(entries));
    session.attach(this);
    this.wanted();
  }

  on(target, type, act) {
    target.addEventListener(type, act, { signal: this.ending.signal });
  }

  // Sizes are told and not asked for: a browser that is asked lays out the page anew, in the middle of a drawing.
  measure(element) {
    this.sizes.observe(element);
  }

  size(element) {
    return this.measured.get(element) || [0, 0];
  }

  resized(entries) {
    for (const { target, contentRect } of entries) this.measured.set(target, [Math.round(contentRect.width), Math.round(contentRect.height)]);
    if (this.session.begin) this.draw();
  }

  // Keys stay here: a notebook has its own use for arrows.
  key(event) {
    event.stopPropagation();
    const typing = ["text", "number"].includes(event.target.type);
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z" || typing) return;
    event.preventDefault();
    this.session.undo();
  }

  drag(target, { start, move, end }) {
    let held = null;
    this.on(target, "pointerdown", (event) => {
      if (held !== null || event.button || !event.isPrimary) return;
      event.stopPropagation();
      held = event.pointerId;
      target.setPointerCapture(held);
      target.focus?.({ preventScroll: true });
      this.look(null);
      start(event);
    });
    this.on(target, "pointermove", (event) => event.pointerId === held && move(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      this.on(target, type, (event) => {
        if (event.pointerId !== held) return;
        held = null;
        end(event);
      });
    }
  }

  // A pointer over a drawing looks at that step everywhere.
  follow(plot) {
    const here = (event) => plot.width && !this.session.hand && !event.target.closest(".rl-handle") && this.look(plot.at(event).step);
    this.on(plot.svg, "pointermove", here);
    this.on(plot.svg, "pointerdown", here);
    this.on(plot.svg, "pointerleave", (event) => event.pointerType === "mouse" && this.look(null));
  }

  look(step) {
    const last = this.session.step, cursor = step === null || !last ? null : clamp(Math.round(step), 0, last);
    if (cursor === this.cursor) return;
    this.cursor = cursor;
    this.wanted();
  }

  wanted() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.session.flush();
      if (this.session.begin) return this.draw();
      const { state, refused } = this.session;
      say(this.waiting, refused || state.error || state.text || "The lab is on its way …");
    });
  }

  build() {
    const { begin } = this.session, knobs = begin.sides.map((side) => [side.name, side.curve, side.knobs.map((knob) => ({ ...knob, value: 0 }))]);
    const fields = (begin.setup || []).map((field) => ({ ...field, value: 0 }));
    const facts = begin.facts?.map((fact) => fact.prompt);
    const built = JSON.stringify([knobs, begin.charts, facts, begin.presets, fields, begin.can, begin.engine]);
    if (built === this.built) return;
    this.built = built;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const open = this.setup?.box.open;
    this.inner.replaceChildren();
    this.sizes.disconnect();
    const part = (name) => add(this.inner, "div", { class: name });
    const [top, left, right] = ["rl-top", "rl-left", "rl-right"].map(part);
    if (this.small) add(top, "p", { class: "rl-sentence" }, this.options.sentence);
    this.parts = [new Panel(this, top), new Curve(this, left), new Tiles(this, right)];
    if (this.small) {
      add(left, "p", { class: "rl-question" }, this.options.question);
      this.ended = add(right, "p"); // under the lights: they do not move when it comes
    } else {
      const low = part("rl-low"), foot = part("rl-foot");
      this.setup = new Setup(this, foot);
      if (open) this.setup.box.open = true;
      this.parts.push(new Knobs(this, left), new Charts(this, low), new Chance(this, foot), this.setup);
    }
    if (focused) this.inner.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  draw() {
    this.build();
    if (this.cursor !== null && this.cursor > this.session.step) this.cursor = null;
    for (const each of this.parts) each.draw();
    this.speak();
  }

  // The counts for those who listen: now and then, and at the end.
  speak() {
    const { session } = this, { begin } = session, found = session.evaluated(Infinity), now = performance.now();
    if (!found || !found[0].step || (now - this.spoken < SPEAK && session.state.state === "running")) return;
    const what = begin.facts ? `of ${begin.facts.length} facts known` : session.kept.title;
    const told = begin.sides.map((side, i) => `${side.name} ${short(session.count(found[i]))}`).join(", ");
    const text = `Step ${found[0].step}: ${told}; ${what}.`;
    if (text !== this.live.textContent) this.spoken = now;
    say(this.live, text);
  }

  download(name, text) {
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = add(this.root, "a", { href: url, download: name });
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  close() {
    this.ending.abort();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    this.session.release();
    this.session.detach(this);
    this.root.remove();
  }
}

// Draws the lab of an engine ({send, listen}) into an element; options: {size: "full" | "small", sentence, question}.
function mount(element, engine, options = {}) {
  const view = new View(element, sessionOf(engine), options);
  return { close: () => view.close() };
}
