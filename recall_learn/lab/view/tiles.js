// A light for every fact, in a block for the run and one for its twin. Where there are no facts, what is kept as a curve.
const ROWS = 4, COLUMNS = 20;

class Tiles {
  constructor(view, parent) {
    const { begin } = view.session;
    Object.assign(this, { view, drawn: "", at: -1, score: begin.charts.find((chart) => chart.key === "score") });
    this.box = add(parent, "section", { class: "rl-tiles", "aria-label": begin.facts ? "What is still known" : view.session.kept.title });
    const row = add(this.box, "div", { class: "rl-blocks" });
    this.blocks = begin.sides.map((side, i) => this.block(row, side, i));
    this.words = add(this.box, "p", { class: "rl-fact" });
    this.tell();
  }

  block(parent, side, i) {
    const block = add(parent, "div", { class: `rl-block rl-side${i}` }), head = add(block, "div", { class: "rl-head" });
    add(head, "h3", { class: "rl-name" }, side.name);
    const count = add(add(head, "p"), "strong"), of = add(count.parentNode, "span");
    const score = add(head, "p", { class: "rl-score" });
    const made = { block, count, of, score, tiles: [] };
    if (this.view.session.begin.facts) this.city(made, side, i);
    else {
      const attributes = { role: "img", "aria-label": `${this.view.session.kept.title} of ${side.name}` };
      this.view.follow((made.plot = new Plot(this.view, block, { attributes })));
    }
    return made;
  }

  // The tiles, kind by kind; one stop for the tabulator, arrows from there.
  city(made, side, i) {
    const { view } = this, { facts } = view.session.begin, kinds = new Map();
    facts.forEach((fact, index) => kinds.set(fact.kind, [...(kinds.get(fact.kind) || []), index]));
    const about = { role: "listbox", tabindex: 0, "aria-label": `The facts of ${side.name}`, "data-key": `city-${i}` };
    const city = (made.city = add(made.block, "div", { class: "rl-city", ...about }));
    for (const [kind, all] of kinds) {
      const wide = Math.min(COLUMNS, Math.ceil(all.length / ROWS));
      const group = add(city, "div", { role: "group", "aria-label": kind, style: `--wide: ${wide}` });
      add(group, "span", { "aria-hidden": "true", title: kind }, kind);
      for (const index of all) made.tiles[index] = add(group, "i", { role: "option", id: `${view.name}-${i}-${index}`, "data-fact": index });
    }
    made.order = [...kinds.values()].flat();
    const pointed = (event) => event.target.dataset?.fact;
    view.on(city, "pointermove", (event) => pointed(event) && this.look(Number(pointed(event))));
    view.on(city, "pointerdown", (event) => pointed(event) && this.look(Number(pointed(event))));
    view.on(city, "pointerleave", (event) => event.pointerType === "mouse" && document.activeElement !== city && this.look(-1));
    view.on(city, "focus", () => this.look(this.at < 0 ? made.order[0] : this.at));
    view.on(city, "blur", () => this.look(-1));
    view.on(city, "keydown", (event) => this.key(event, made));
  }

  key(event, { tiles, order }) {
    const place = order.indexOf(this.at), last = order.length - 1;
    const along = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: last }[event.key];
    const up = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (along === undefined && !up) return;
    event.preventDefault();
    if (!up) return this.look(order[clamp(along, 0, last)]);
    const box = (index) => tiles[index].getBoundingClientRect(), here = box(this.at);
    let best = this.at, least = Infinity;
    for (const index of order) {
      const { top, left } = box(index), down = (top - here.top) * up;
      const far = down < here.height / 2 ? Infinity : down * 100 + Math.abs(left - here.left);
      if (far < least) [best, least] = [index, far];
    }
    this.look(best);
  }

  look(index) {
    for (const [i, { tiles, city }] of this.blocks.entries()) {
      tiles[this.at]?.removeAttribute("aria-selected");
      if (index < 0) city.removeAttribute("aria-activedescendant");
      else {
        tiles[index].setAttribute("aria-selected", "true");
        city.setAttribute("aria-activedescendant", `${this.view.name}-${i}-${index}`);
      }
    }
    this.at = index;
    this.tell();
  }

  // The fact that is looked at, and what each model says of it.
  tell() {
    const { begin } = this.view.session;
    this.words.hidden = !begin.facts;
    const fact = begin.facts?.[this.at];
    if (!fact) return say(this.words, "Each light is a fact that the pretrained model knew. Point at one.");
    const said = begin.sides.map((side, i) => {
      const says = this.found?.[i].facts?.lost[this.at];
      return `${side.name} says ${says === undefined ? `${fact.answer} ✓` : `${says} ✗`}`;
    });
    this.words.replaceChildren();
    const [before, after] = fact.prompt.split("[MASK]");
    this.words.append(before);
    add(this.words, "b", {}, fact.answer);
    this.words.append(`${after ?? ""} `);
    add(this.words, "span", {}, `${said.join(" · ")}`);
  }

  draw() {
    const { session, cursor } = this.view, found = session.evaluated(cursor ?? Infinity);
    const drawn = [session.looks, found && found[0].step, this.blocks.map(({ plot }) => plot && this.view.size(plot.svg))].join();
    if (drawn === this.drawn) return;
    Object.assign(this, { drawn, found });
    this.blocks.forEach((made, i) => this.drawBlock(made, found && found[i], i));
    this.tell();
  }

  drawBlock({ count, of, score, tiles, plot }, found, side) {
    const { session } = this.view, { facts } = session.begin, now = session.count(found);
    const reached = found && this.score ? number(found.values[this.score.key] ?? null) : null;
    say(score, this.score ? `score ${reached === null ? "–" : reached.toFixed(2)}` : "");
    put(score, "title", this.score ? this.score.title : "");
    if (!facts) return this.drawKept({ count, of, plot }, now, side);
    say(count, String(now ?? facts.length));
    say(of, ` of ${facts.length} facts`);
    const lost = found?.facts?.lost || {};
    facts.forEach((fact, index) => {
      const says = lost[index], tile = tiles[index], off = says !== undefined;
      const name = `${fact.prompt.replace("[MASK]", fact.answer)} ${off ? `Lost: says ${says}` : "Known"}`;
      if (tile.ariaLabel === name) return;
      tile.ariaLabel = name;
      tile.className = off ? "rl-off" : "";
    });
  }

  drawKept({ count, of, plot }, now, side) {
    const { kept, sides, begin } = this.view.session, value = (each) => number(each.values[kept.key] ?? null);
    const lines = sides.map(({ evaluations }) => evaluations.map((each) => [each.step, value(each)]));
    const all = [...(kept.range || [0, 1]).map(number), ...lines.flat().map((point) => point[1])].filter(Number.isFinite);
    const start = lines[side][0]?.[1] ?? null, last = lines[side].findLast((point) => point[1] === now);
    say(count, now === null ? "–" : short(now));
    say(of, ` ${kept.title}${start === null ? "" : `, from ${short(start)}`}`);
    plot.frame(begin.steps, Math.min(...all), Math.max(...all));
    if (!plot.width) return;
    plot.line("start", "rl-by-chance", start === null ? [] : [[0, start], [begin.steps, start]]);
    plot.line("line", `rl-side${side}`, lines[side]);
    plot.dot("dot", side, last?.[0], now ?? NaN);
  }
}
