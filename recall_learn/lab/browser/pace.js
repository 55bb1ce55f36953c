// How fast a session trains, and what is left; and whether the browser slowed it while nobody looked.
(function (global) {
  "use strict";

  const WINDOW = 3000; // milliseconds that a speed is measured over

  class Pace {
    constructor() {
      this.unseen = null; // since when the page is hidden, the steps taken by then, and the speed then
      this.begin();
    }

    // A run is new, or trains, or goes on.
    begin(now = 0, taken = 0) {
      this.marks = [[now, taken]];
      this.slowed = false;
      if (this.unseen) this.unseen.speed = null;
      this.still();
    }

    // The page was hidden, or is seen again. What a browser slows while nobody looks tells nothing of its speed.
    looked(hidden, now, taken, running) {
      const { since, at, speed } = this.unseen || {};
      if (!hidden && speed && running && now - since > WINDOW) this.slowed = (1000 * (taken - at)) / (now - since) < speed / 2;
      this.unseen = hidden ? { since: now, at: taken, speed: running && this.speed } : null;
      this.marks = [[now, taken]];
    }

    // Notes how far it is; steps a second, and the seconds that are left.
    told(now, taken, steps) {
      this.marks.push([now, taken]);
      while (this.marks.length > 2 && now - this.marks[1][0] > WINDOW) this.marks.shift();
      const [from, at] = this.marks[0];
      if (taken === at || this.unseen) return this.still();
      this.speed = ((taken - at) * 1000) / (now - from);
      return { speed: this.speed, left: ((steps - taken) * (now - from)) / (taken - at) / 1000 };
    }

    // Nothing to say, and no speed to compare with.
    still() {
      this.speed = null;
      return { speed: null, left: null };
    }
  }

  global.RecallPace = Pace;
})(typeof globalThis === "undefined" ? self : globalThis);
