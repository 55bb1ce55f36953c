// What is particular to a method in the page, by its name in recall_learn/methods: a default that follows from lr, what is
// refused, and advice. What a step does is in model.js.
(function (global) {
  "use strict";

  const WAY = 0.1; // RecAdam's usual lr * gamma

  global.RecallMethods = {
    recadam: {
      resolved: (values, lr) => ({ ...values, gamma: values.gamma === null ? Number((WAY / lr).toPrecision(12)) : values.gamma }),
      refused({ k, t0, gamma, algorithm }, lr, lambda) {
        const pull = lr * gamma * (1 - lambda(k, t0, 1));
        if (algorithm === "coupled" || lr * gamma < 1 || pull <= 2 - 1e-6) return "";
        return `(1 - lambda) * lr * gamma is ${Number(pull.toPrecision(3))} at the first step; the pull diverges at 2 and above: lower lr or gamma, to keep it under 1`;
      },
      advice: ({ gamma }, lr) => (lr * gamma > 1 ? `lr * gamma is ${Number((lr * gamma).toPrecision(3))}: above 1 each step overshoots home.` : ""),
    },
  };
})(typeof globalThis === "undefined" ? self : globalThis);
