// The first lines of lab.js: `parts` is all the rest (view, engine, worker, metadata), deflated, in base64. It becomes a
// classic script once it is known that this browser can train.
(function (global) {
  "use strict";

  const here = document.currentScript.src, found = () => document.querySelectorAll(".recall-lab:not(.recall-lab-there)");

  // A module of one function with a 128-bit constant: valid where the kernel is.
  const SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

  // What this browser lacks, in words; "" where it can train.
  function lacking() {
    if (typeof Worker !== "function") return "workers";
    if (typeof DecompressionStream !== "function") return "DecompressionStream";
    if (typeof WebAssembly !== "object" || !WebAssembly.validate(SIMD)) return "WebAssembly with 128-bit SIMD";
    return "";
  }

  // In the place of a lab, what is wrong and where the same can be seen.
  function say(element, why) {
    const words = document.createElement("p"), link = document.createElement("a");
    words.textContent = `${why} The same runs, recorded, are in the explorer of `;
    Object.assign(link, { href: "08_lab.html#explore", textContent: "lesson 8" });
    words.append(link, ".");
    element.replaceChildren(words);
  }

  async function inflate(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  }

  function run(text) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    return new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: url, onload: resolve, onerror: reject });
      document.head.append(script);
    }).finally(() => URL.revokeObjectURL(url));
  }

  async function start() {
    const labs = [...found()], lacks = lacking();
    labs.forEach((each) => each.classList.add("recall-lab-there"));
    if (lacks) return labs.forEach((each) => say(each, `This browser has no ${lacks}, without which the lab cannot train.`));
    try {
      const { style, script, ...rest } = await inflate(global.RecallLabPacked);
      global.RecallLabParts = { ...rest, here };
      document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
      await run(script);
    } catch {
      return labs.forEach((each) => say(each, "The lab could not be started here."));
    }
    return labs.forEach(global.RecallLabPage.put);
  }

  global.RecallLabReady = start();
})(globalThis);
