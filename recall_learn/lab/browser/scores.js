// The metrics of recall_learn.tasks.scores, in the same float64 arithmetic.
(function (global) {
  "use strict";

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const flat = (values) => values.every((value) => value === values[0]);

  function pearson(x, y) {
    if (flat(x) || flat(y)) return 0;
    const mx = mean(x), my = mean(y);
    let xy = 0, xx = 0, yy = 0;
    x.forEach((value, i) => {
      xy += (value - mx) * (y[i] - my);
      xx += (value - mx) ** 2;
      yy += (y[i] - my) ** 2;
    });
    return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
  }

  // Ranks from 1; equals share the mean of theirs.
  function ranks(values) {
    const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]), made = new Array(values.length);
    for (let i = 0; i < order.length; ) {
      let end = i;
      while (end < order.length && values[order[end]] === values[order[i]]) end++;
      for (let j = i; j < end; j++) made[order[j]] = (i + end + 1) / 2;
      i = end;
    }
    return made;
  }

  // How often a two-class answer is [label][said].
  function counts(labels, said) {
    const table = [[0, 0], [0, 0]];
    labels.forEach((label, i) => table[label][said[i]]++);
    return table;
  }

  const METRICS = {
    accuracy: (labels, said) => mean(labels.map((label, i) => Number(label === said[i]))),
    f1(labels, said, positive) {
      const table = counts(labels.map((label) => Number(label === positive)), said.map((each) => Number(each === positive)));
      const all = 2 * table[1][1] + table[0][1] + table[1][0];
      return all ? (2 * table[1][1]) / all : 0;
    },
    matthews_correlation(labels, said) {
      const [[tn, fp], [fn, tp]] = counts(labels, said);
      const under = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
      return under ? (tp * tn - fp * fn) / Math.sqrt(under) : 0;
    },
    pearson,
    spearman: (labels, said) => (flat(labels) || flat(said) ? 0 : pearson(ranks(labels), ranks(said))),
  };

  // Scores of logits, `outputs` numbers a row: { name: value }. Null where a logit is no number.
  function metrics({ metrics: names, outputs, positive }, logits, labels) {
    if (!logits.every(Number.isFinite)) return null;
    const said = labels.map((_, i) => (outputs === 1 ? logits[i] : Number(logits[2 * i + 1] > logits[2 * i])));
    return Object.fromEntries(names.map((name) => [name, METRICS[name](labels, said, positive)]));
  }

  global.RecallScores = { metrics };
})(typeof globalThis === "undefined" ? self : globalThis);
