"""A reader who left the page that trains, and came back: what is said of the run, and of a time nobody looked."""

from dataclasses import replace

from page_labs import RECIPE

from recall_learn.lab.browser import page

# A browser that slows a page nobody sees: each turn of the worker waits, while `slow`.
SLOW = """(() => {
  const before = `
    const turn = MessagePort.prototype.postMessage;
    let slow = false;
    self.addEventListener("message", ({ data }) => { if ("slow" in data) slow = data.slow; });
    MessagePort.prototype.postMessage = function (what) {
      if (slow) setTimeout(() => turn.call(this, what), 500);
      else turn.call(this, what);
    };
  `;
  const { Blob, Worker } = globalThis;
  globalThis.Blob = class extends Blob {
    constructor(parts, about) { super(/self\\.onmessage/.test(parts[0]) ? [before, ...parts] : parts, about); }
  };
  globalThis.Worker = class extends Worker {
    constructor(...given) { super(...given); globalThis.hired = this; }
  };
})()"""
HIDE = """([state, slow]) => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  if (slow !== null) hired.postMessage({ slow });
}"""
SLOWED = "The browser slowed this page while it was hidden."


def test_a_reload_in_the_middle_of_a_run_says_what_was_there(open_tab):
    tab = open_tab(page.page(replace(RECIPE, steps=3000, evaluate_every=3000, probe="none")))
    tab.tab.get_by_role("button", name="Start").first.click()
    tab.tab.wait_for_function("() => location.hash.startsWith('#lab&') && /step [1-9]/.test(document.body.innerText)")
    tab.tab.reload()
    told = "The address holds a run of 3000 steps on world/cola with RecAdam: Start takes it again from its first step."
    tab.shows(told)
    tab.shows("step 0 of 3000")
    tab.tab.get_by_role("button", name="Start").first.click()
    tab.tab.wait_for_function("(told) => !document.body.innerText.includes(told)", arg=told)
    tab.shows("step 1")


def test_an_address_with_changes_says_at_which_steps(open_tab):
    tab = open_tab()
    url = tab.tab.url
    for changes, says in (
        ("3:k=1", "changed at step 3:"),
        ("3:k=1;5:t0=2", "changed at steps 3, 5:"),
        ("1:k=1;2:k=2;3:k=3;9:k=4", "changed at steps 1 to 9:"),
    ):
        tab.go("about:blank")
        tab.go(f"{url}#lab&steps=12&changes={changes}")
        tab.shows(f"The address holds a run of 12 steps on world/cola with RecAdam, {says} Start takes it again")


def test_a_time_that_the_browser_slowed_is_said_and_is_not_the_speed(open_tab):
    tab = open_tab(before=SLOW)
    tab.engine(replace(RECIPE, steps=20_000, batch_size=2, evaluate_every=20_000, probe="none"))
    tab.send({"type": "start"})
    tab.until("last('state')?.speed > 0 && last('state').step > 9")
    seen = tab.told("state")[-1]["speed"]
    tab.tab.evaluate(HIDE, ["hidden", True])
    tab.until("last('state').speed === null && last('state').left === null")
    hidden = tab.told("state")[-1]["step"]
    tab.tab.wait_for_timeout(3200)
    tab.tab.evaluate(HIDE, ["visible", False])
    tab.until("last('state').text.includes('hidden') && last('state').speed > 0")
    said = tab.told("state")[-1]
    assert said["text"] == SLOWED
    slow = (said["step"] - hidden) / 3.2
    assert slow < seen / 2  # else this test showed nothing
    tab.until(f"last('state').speed > {2 * slow}")  # not that of a time in which the hidden one counts
    tab.send({"type": "pause"})
    tab.state("paused")
    tab.send({"type": "start"})
    tab.until("last('state').speed > 0")
    assert SLOWED not in tab.told("state")[-1]["text"]


def test_a_hidden_page_that_was_not_slowed_says_nothing(open_tab):
    tab = open_tab(before=SLOW)
    tab.engine(replace(RECIPE, steps=20_000, batch_size=2, evaluate_every=20_000, probe="none"))
    tab.send({"type": "start"})
    tab.until("last('state')?.speed > 0 && last('state').step > 9")
    tab.tab.evaluate(HIDE, ["hidden", None])
    tab.tab.wait_for_timeout(3200)
    tab.tab.evaluate(HIDE, ["visible", None])
    tab.until("last('state').speed > 0")
    assert tab.told("state")[-1]["text"] == ""
