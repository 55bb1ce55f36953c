// Wide sliders for all that acts at once.
class Knobs {
  constructor(view, parent) {
    Object.assign(this, { view, all: [] });
    this.box = add(parent, "section", { class: "rl-knobs", "aria-label": "Settings that act from the next step on" });
    view.session.begin.sides.forEach((side, i, all) => {
      if (side.knobs.length && all[1]?.knobs.length) add(this.box, "h3", { class: `rl-name rl-side${i}` }, side.name);
      for (const knob of side.knobs) this.all.push(this.one(i, side, knob));
    });
    this.box.hidden = !this.all.length;
  }

  one(side, { curve }, knob) {
    const { view } = this, token = `knob-${side}-${knob.key}`;
    const role = curve ? Object.keys(curve).find((each) => each !== "form" && curve[each] === knob.key) : "";
    const row = add(this.box, "label", { class: `rl-knob rl-${side ? "side1" : role || "other"}`, title: knob.help || "" });
    add(row, "span", { class: "rl-label" }, knob.label);
    if (knob.choices?.length) {
      const values = knob.choices.map((choice) => choice.value ?? choice);
      const input = add(row, "select", { "data-key": token });
      knob.choices.forEach((choice) => add(input, "option", {}, String(choice.title ?? choice)));
      view.on(input, "change", () => view.session.move(side, { [knob.key]: number(values[input.selectedIndex]) }, token));
      return { side, knob, row, input, values };
    }
    const last = role === "t0" ? Math.min(number(knob.high), view.session.begin.steps) : knob.high;
    const values = stops({ ...knob, high: last }), about = { type: "range", min: 0, max: values.length - 1, step: 1, "data-key": token };
    const input = add(row, "input", { ...about, "aria-label": [knob.label, knob.unit].filter(Boolean).join(", ") });
    const shown = add(row, "output");
    view.on(input, "pointerdown", () => view.session.hold(token));
    for (const end of ["pointerup", "pointercancel", "change", "blur"]) view.on(input, end, () => view.session.release(token));
    view.on(input, "input", () => view.session.move(side, { [knob.key]: values[input.value] }, token));
    return { side, knob, row, input, values, shown };
  }

  draw() {
    for (const { side, knob, row, input, values, shown } of this.all) {
      const value = this.view.session.values[side][knob.key], at = values.findIndex((each) => number(each) === value);
      if (!shown) {
        if (input.selectedIndex !== at) input.selectedIndex = at;
        continue;
      }
      const place = at < 0 ? nearest(values, value) : at, text = [short(value), knob.unit].filter(Boolean).join(" ");
      if (Number(input.value) !== place) input.value = place;
      put(input, "aria-valuetext", text);
      row.style.setProperty("--at", `${(100 * place) / Math.max(values.length - 1, 1)}%`);
      say(shown, short(value));
    }
  }
}
