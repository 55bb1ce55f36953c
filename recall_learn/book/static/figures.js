// Draws the figures of a page. plotly.js draws the curves; the claim and the sliders are HTML, because plotly's own
// do not wrap on a narrow screen and cannot be reached by keyboard.
(function () {
  "use strict";

  const PHONE = 480, SMALL = 12; // pixels: a figure as narrow as a phone, and the size of its words

  function addSlider(figure, plot, slider) {
    const row = document.createElement("label");
    row.className = "recall-slider";
    const name = document.createElement("span");
    name.textContent = (slider.currentvalue && slider.currentvalue.prefix) || "";
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: 0, max: slider.steps.length - 1, step: 1, value: slider.active || 0 });
    const output = document.createElement("span"); // no <output>: the slider itself says its value, and once is enough
    output.className = "recall-value";
    output.setAttribute("aria-hidden", "true");
    const show = () => {
      output.textContent = slider.steps[input.value].label;
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => {
      const step = slider.steps[input.value];
      show();
      window.Plotly[step.method](plot, ...step.args);
    });
    show();
    row.append(name, input, output);
    figure.insertBefore(row, plot.nextSibling);
  }

  // An axis title stands at the middle of its axis; one that would reach out of the figure is set smaller.
  function fitTitles(plot, sizes) {
    const frame = plot.querySelector(".main-svg").getBoundingClientRect();
    const update = {};
    for (const title of plot.querySelectorAll("text[class$=title]")) {
      const [, letter, number] = /^([xy])(\d*)title$/.exec(title.getAttribute("class")) || [];
      if (!letter) continue;
      const name = `${letter}axis${number}.title.font.size`;
      const size = parseFloat(getComputedStyle(title).fontSize);
      sizes[name] = sizes[name] || size;
      const box = title.getBoundingClientRect();
      const [start, end, first, last] =
        letter === "x" ? [box.left, box.right, frame.left, frame.right] : [box.top, box.bottom, frame.top, frame.bottom];
      const middle = (start + end) / 2;
      const room = 2 * Math.min(middle - first, last - middle) - 4;
      const fits = Math.min(sizes[name], Math.floor((10 * size * room) / (end - start)) / 10);
      if (fits > 0 && Math.abs(fits - size) > 0.05) update[name] = fits;
    }
    return Object.keys(update).length ? window.Plotly.relayout(plot, update) : Promise.resolve();
  }

  function draw(figure) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    const plot = figure.querySelector(".recall-plot");
    const sliders = spec.layout.sliders || [];
    const layout = Object.assign({}, spec.layout, { autosize: true, sliders: [] });
    if (figure.querySelector("figcaption").textContent) {
      delete layout.title;
      delete layout.height; // it counts what stands outside here; figures.css has the plot's
      layout.margin = Object.assign({}, layout.margin, { t: 16, b: 48 });
    }
    delete layout.width;
    // figures.css has the colours; what a font needs of room plotly must know
    layout.font = Object.assign({}, layout.font, { family: getComputedStyle(plot).fontFamily });
    if (plot.clientWidth < PHONE) layout.font.size = SMALL; // names of bars have to stand side by side
    // a finger that scrolls the page must not draw a zoom box
    if (window.matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    const config = { responsive: true, displayModeBar: false };
    window.Plotly.newPlot(plot, spec.data, layout, config).then(() => {
      if (spec.frames) window.Plotly.addFrames(plot, spec.frames);
      const sizes = {};
      const fit = () => fitTitles(plot, sizes);
      plot.on("plotly_relayout", (change) => change.autosize && fit());
      fit().then(() => figure.setAttribute("data-drawn", ""));
    });
    for (const slider of sliders.slice().reverse()) addSlider(figure, plot, slider);
  }

  // Paper is narrower than most screens, and a drawing without a view box is cut there.
  const drawings = () => document.querySelectorAll(".recall-plot .main-svg");
  window.addEventListener("beforeprint", () => {
    for (const svg of drawings()) {
      svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
    }
  });
  window.addEventListener("afterprint", () => drawings().forEach((svg) => svg.removeAttribute("viewBox")));

  // a title is as long as it is in the page's own font, so that has to be there
  document.fonts.ready.then(() => document.querySelectorAll(".recall-figure").forEach(draw));
})();
