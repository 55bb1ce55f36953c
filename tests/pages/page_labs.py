"""What the tests of the page that trains share: a page with labs, and a tab that has an engine of its own."""

import json

from recall_learn.lab import protocol
from recall_learn.lab.browser import page
from recall_learn.runs.recipe import Recipe

RECIPE = Recipe(
    backbone="tiny", task="world/cola", method="recadam(k=0.2, t0=8)", steps=16, batch_size=16, evaluate_every=8
)


def put(folder, *labs):
    body = "".join(labs) or page.page(RECIPE)
    head = f'<meta charset="utf-8"><title>Lab</title><script defer src="{page.SCRIPT}"></script>'
    file = folder / "page.html"
    file.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>', encoding="utf-8")
    return file.as_uri()


class Tab:
    """A tab, what it asked for, and an engine of its own beside those of the page's labs."""

    def __init__(self, browser, url, before=""):
        self.tab, self.asked, self.errors = browser.new_page(), [], []
        self.tab.route("**/*", self._file_only)
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        if before:
            self.tab.add_init_script(before)
        self.go(url)

    def _file_only(self, route):
        self.asked.append(route.request.url)
        route.continue_() if route.request.url.startswith("file:") else route.abort()

    def go(self, url):
        self.tab.goto(url)
        self.tab.evaluate("() => globalThis.RecallLabReady")

    def engine(self, recipe=RECIPE, how=protocol.PLAIN, beside=None, name="E", link=False):
        asked = {"recipe": recipe.to_dict(), "beside": beside and beside.to_dict(), "how": how, "presets": []}
        self.tab.evaluate(
            """([name, asked, link]) => {
              const engine = RecallLabPage.make(asked, { link }), told = [];
              engine.listen((message) => told.push(message));
              window[name] = { engine, told, send: (message) => engine.send(message),
                last: (type) => told.filter((each) => each.type === type).at(-1) };
              engine.send({ type: "hello" });
            }""",
            [name, asked, link],
        )

    def send(self, *messages, name="E"):
        self.tab.evaluate("([name, all]) => all.forEach((each) => window[name].send(each))", [name, list(messages)])

    def until(self, condition, name="E"):
        """Wait for what is true of the engine's messages, `last(type)` the last one of a type."""
        self.tab.wait_for_function(f"() => {{ const {{ told, last }} = {name}; return {condition}; }}", timeout=90_000)

    def shows(self, text):
        self.tab.wait_for_function("(text) => document.body.innerText.includes(text)", arg=text, timeout=60_000)

    def state(self, *states, name="E"):
        self.until(f"{json.dumps(states)}.includes(last('state')?.state)", name)

    def told(self, kind, name="E"):
        return self.tab.evaluate("([name, kind]) => window[name].told.filter((m) => m.type === kind)", [name, kind])

    def saved(self, name="E"):
        self.send({"type": "save", "name": "a run"}, name=name)
        self.until("last('saved')", name)
        found = self.told("saved", name)[-1]
        assert found["name"] == "a run.json"
        return found["text"]


def rows(tab, side, name="E"):
    return [row for each in tab.told("records", name) if each["side"] == side for row in each["rows"]]
