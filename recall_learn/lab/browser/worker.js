// The worker's ends: messages of the page come in, those of the session go out.
(function (self) {
  "use strict";

  let session = null, written = "";

  const hand = {
    tell: (message) => self.postMessage({ message }),
    need: (need) => self.postMessage({ need }),
    link(link) {
      written = link;
      self.postMessage({ link });
    },
  };

  // The session that an address names; where it names one in vain, that is said.
  function follow(hash) {
    if (hash === written) return;
    try {
      const found = self.RecallLink.read(hash, session);
      if (!found) return;
      session.begin(found.recipe, found.other, found.how, { changes: found.changes, held: true });
      written = hash;
    } catch (error) {
      if (!(error instanceof self.RecallRecipes.Refused)) throw error;
      session.on_hello();
      hand.tell({ type: "refused", side: 0, text: `Refused: ${error.message}`, values: {} });
    }
  }

  self.onmessage = ({ data }) => {
    if (data.init) session = new self.RecallSession(data.init.about, data.init.page, hand);
    if (data.link !== undefined) follow(data.link);
    if (data.hidden !== undefined) session.looked(data.hidden);
    if (data.message) session.receive(data.message);
    if (data.arrived) session.arrived(data.arrived, data.packed, data.why);
  };
})(typeof globalThis === "undefined" ? self : globalThis);
