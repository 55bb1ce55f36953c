// What data.py packed, as the kernel reads it: bytes in base64, deflated.
(function (global) {
  "use strict";

  async function bytes(text) {
    const letters = atob(text), packed = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) packed[i] = letters.charCodeAt(i); // Uint8Array.from takes a quarter of a second
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // float32 whose bytes lie in four planes: all first ones, all second ones, ...
  function floats(planes) {
    const count = planes.length / 4, made = new Uint8Array(planes.length);
    for (let plane = 0; plane < 4; plane++) for (let i = 0; i < count; i++) made[4 * i + plane] = planes[plane * count + i];
    return new Float32Array(made.buffer);
  }

  // bfloat16: the upper half of a float32.
  function halves(packed) {
    const upper = new Uint16Array(packed.buffer), made = new Uint32Array(upper.length);
    upper.forEach((value, i) => (made[i] = value * 65536));
    return new Float32Array(made.buffer);
  }

  // Examples: labels float32, token numbers uint16, then for each its length and how many tokens are of type 1, a byte each.
  async function rows({ count, packed }) {
    const all = await bytes(packed), total = (all.length - 6 * count) / 2;
    const labels = new Float32Array(all.buffer, 0, count), tokens = new Uint16Array(all.buffer, 4 * count, total);
    const lengths = all.subarray(4 * count + 2 * total), seconds = lengths.subarray(count);
    let from = 0;
    return Array.from({ length: count }, (_, i) => {
      const ids = Array.from(tokens.subarray(from, from + lengths[i]));
      from += lengths[i];
      return { ids, types: ids.map((_, at) => Number(at >= ids.length - seconds[i])), label: labels[i] };
    });
  }

  // Examples with one hidden word each, which is their label.
  const hidden = async (part, mask) => (await rows(part)).map(({ ids, types, label }) => ({ ids, types, place: ids.indexOf(mask), word: label }));

  // All of lab-data.js; the rows of a task are unpacked when it is asked for.
  async function data(packed) {
    const [module, weights, facts, source] = await Promise.all([
      bytes(packed.kernel).then((found) => global.RecallModel.compile(found)),
      bytes(packed.weights).then(floats),
      hidden(packed.facts, packed.mask),
      hidden(packed.source, packed.mask),
    ]);
    return { ...packed, module, weights, facts, source, ready: {} };
  }

  async function task(made, name) {
    if (!made.ready[name]) {
      const [train, validation] = await Promise.all([rows(made.tasks[name].train), rows(made.tasks[name].validation)]);
      made.ready[name] = { train, validation };
    }
    return made.ready[name];
  }

  const fisher = async (packed) => ({ ...packed, values: halves(await bytes(packed.values)) });

  global.RecallUnpack = { data, task, fisher };
})(typeof globalThis === "undefined" ? self : globalThis);
