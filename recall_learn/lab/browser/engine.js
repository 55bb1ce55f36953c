// The page's engine: a worker that trains, made from text that came with this script, and the files that it asks for. No
// fetch, no module, no request but a script element, and none before a reader asks: it runs from file://, too.
(function (global) {
  "use strict";

  const FILES = { data: ["lab-data.js", "RecallLabData"], fisher: ["lab-fisher.js", "RecallLabFisher"] };
  const LINK = 300; // milliseconds between two addresses: browsers refuse more than a few a second
  const arriving = {};

  // A file beside this script, once for all labs of the page.
  function file(what) {
    const [name, key] = FILES[what];
    arriving[what] = arriving[what] || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(name, global.RecallLabParts.here).href;
      script.onload = () => (global[key] ? resolve(global[key]) : reject(new Error(`${name} is damaged; build the book anew`)));
      script.onerror = () => reject(new Error(`${name} is not beside this page; build the book anew, or copy its _static folder whole`));
      document.head.append(script);
    });
    arriving[what].catch(() => delete arriving[what]);
    return arriving[what];
  }

  function browser() {
    const found = /(Firefox|Edg|OPR|Chrome|Version)\/([\d.]+)/.exec(navigator.userAgent) || ["", "browser", "unknown"];
    return [found[1] === "Version" ? "Safari" : found[1], found[2]];
  }

  // An engine for RecallLab.mount. page: as page.py writes it; link: whether the page's address is its state.
  function make(page, { link = false } = {}) {
    const { about, worker: text } = global.RecallLabParts;
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const worker = new Worker(url), listeners = new Set();
    let waits = null, timer = 0;
    URL.revokeObjectURL(url);

    const address = () => {
      timer = 0;
      history.replaceState(null, "", waits);
    };
    worker.onmessage = ({ data }) => {
      if (data.message) for (const each of listeners) each(data.message);
      if (data.need) file(data.need).then((packed) => worker.postMessage({ arrived: data.need, packed }), (error) => worker.postMessage({ arrived: data.need, why: error.message }));
      if (data.link && link) {
        waits = data.link;
        timer = timer || setTimeout(address, LINK);
      }
    };
    worker.onerror = (event) => {
      for (const each of listeners) each({ type: "state", state: "failed", step: 0, speed: null, left: null, text: "", error: `The lab stopped: ${event.message}` });
    };
    worker.postMessage({ init: { about, page: { ...page, browser: browser(), link } }, link: link ? location.hash : "" });
    const moved = () => worker.postMessage({ link: location.hash });
    if (link) window.addEventListener("hashchange", moved);
    const seen = () => worker.postMessage({ hidden: document.visibilityState === "hidden" });
    document.addEventListener("visibilitychange", seen);

    return {
      send: (message) => worker.postMessage({ message }),
      listen(callback) {
        listeners.add(callback);
        return () => listeners.delete(callback);
      },
      // Nothing of it is left.
      end() {
        worker.terminate();
        clearTimeout(timer);
        window.removeEventListener("hashchange", moved);
        document.removeEventListener("visibilitychange", seen);
      },
    };
  }

  // A lab in the place of its words. The first one that is whole has the page's address for its state.
  function put(element) {
    const page = JSON.parse(element.querySelector("script").textContent);
    const link = element === document.querySelector('.recall-lab[data-size="full"]');
    const engine = make(page, { link });
    element.replaceChildren();
    const view = global.RecallLab.mount(element, engine, { size: element.dataset.size });
    if (link && location.hash.startsWith("#lab&")) element.scrollIntoView();
    return { engine, view };
  }

  global.RecallLabPage = { make, put };
})(globalThis);
